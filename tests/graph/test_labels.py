import numpy as np
import pytest
from fakes import KERAS, info

from kexp.errors import SpecError
from kexp.protocols import Samples

pytestmark = KERAS


def fault(build, model, data, loss):
    with pytest.raises(SpecError) as caught:
        build(model, data, train=f"{{optimizer: sgd, loss: {loss}}}")
    return str(caught.value)


def softmax(units):
    return f"{{layers: [{{Dense: {{units: {units}, activation: softmax}}}}]}}"


def test_one_hot_labels_do_not_go_with_a_sparse_loss(build):
    data = info({"x": (4,)}, {"y": (3,)})

    assert fault(build, softmax(3), data, "sparse_categorical_crossentropy") == (
        "error[loss-label-mismatch]: `sparse_categorical_crossentropy` takes class numbers, "
        "and the labels are one-hot: [3] each\n"
        "  --> train.loss\n"
        "help: use `categorical_crossentropy`"
    )


def test_class_numbers_are_made_one_hot_for_a_loss_that_wants_them(build):
    data = info({"x": (4,)}, {"y": ()}, {"y": 3})
    loss = "{CategoricalCrossentropy: {label_smoothing: 0.1}}"
    assembly = build(softmax(3), data, train=f"{{optimizer: sgd, loss: {loss}}}")

    samples = Samples({"x": np.zeros((2, 4))}, {"y": np.array([2, 0])})
    assert assembly.labels(samples).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert assembly.notes == ("the classes of `dense` are made one-hot, as its loss wants them",)


def test_one_hot_labels_go_to_such_a_loss_as_they_are(build):
    data = info({"x": (4,)}, {"y": (3,)})
    assembly = build(softmax(3), data, train="{optimizer: sgd, loss: categorical_crossentropy}")
    assert (assembly.one_hot, assembly.notes) == ({}, ())


def test_one_hot_labels_need_a_unit_for_every_class_too(build):
    data = info({"x": (4,)}, {"y": ()}, {"y": 10})
    assert "error[units-class-mismatch]: the labels have 10 classes, and the output has 9 units" in fault(
        build, softmax(9), data, "categorical_crossentropy"
    )


@pytest.mark.parametrize(("units", "shown"), [(1, "1 unit"), (9, "9 units")])
def test_an_output_needs_a_unit_for_every_class(build, units, shown):
    data = info({"x": (4,)}, {"y": ()}, {"y": 10})

    assert fault(build, softmax(units), data, "sparse_categorical_crossentropy") == (
        f"error[units-class-mismatch]: the labels have 10 classes, and the output has {shown}\n"
        "  --> train.loss\n"
        "help: end the model with `Dense: {units: 10, activation: softmax}`"
    )


def test_more_units_than_classes_are_no_fault(build):
    build(
        softmax(12),
        info({"x": (4,)}, {"y": ()}, {"y": 10}),
        train="{optimizer: sgd, loss: sparse_categorical_crossentropy}",
    )


def test_a_binary_loss_tells_two_classes_apart(build):
    data = info({"x": (4,)}, {"y": ()}, {"y": 3})

    assert fault(build, "{layers: [{Dense: 1}]}", data, "bce") == (
        "error[loss-label-mismatch]: `bce` tells 2 classes apart, and the labels have 3\n"
        "  --> train.loss\n"
        "help: use `sparse_categorical_crossentropy` and a last layer of 3 units"
    )


def test_a_binary_loss_compares_one_label_with_one_unit(build):
    data = info({"x": (4,)}, {"y": ()}, {"y": 2})

    assert fault(build, "{layers: [{Dense: 2}]}", data, "binary_crossentropy") == (
        "error[output-shape-mismatch]: `binary_crossentropy` compares one label with one unit, "
        "and the output has 2 units\n"
        "  --> train.loss\n"
        "help: end the model with `Dense: {units: 1, activation: sigmoid}`"
    )


TWO = "{layers: [{Dense -> a: 1}, {Dense -> b: 1}], outputs: [a, b]}"


def test_an_output_with_a_loss_needs_a_target_of_its_name(build):
    data = info({"x": (4,)}, {"a": (1,), "c": (1,)})

    assert fault(build, TWO, data, "{a: mse, b: mse}") == (
        "error[missing-target]: the output `b` has a loss, and the data has no target of that name\n"
        "  --> model.outputs\n"
        "help: the data's targets are `a`, `c`; call the outputs after them"
    )


def test_data_without_targets_trains_no_loss(build):
    assert fault(build, "{layers: [{Dense -> a: 1}]}", info({"x": (4,)}, {}), "mse") == (
        "error[missing-target]: the output `a` has a loss, and the data has no target of that name\n"
        "  --> model.outputs\n"
        "help: the data has no targets at all"
    )


def test_a_single_output_takes_the_single_target_whatever_their_names(build):
    assembly = build("{layers: [{Dense -> price: 1}]}", info({"x": (4,)}, {"target": (1,)}))

    assert [(name, target.name) for name, target in assembly.targets.items()] == [("price", "target")]


def test_each_output_s_loss_is_compared_with_its_own_labels(build):
    model = "{layers: [{Dense -> a: 3}, {Dense -> b: 3}], outputs: [b, a]}"
    data = info({"x": (4,)}, {"a": (), "b": ()}, {"a": 5, "b": 3})

    assert fault(
        build, model, data, "{a: sparse_categorical_crossentropy, b: sparse_categorical_crossentropy}"
    ) == (
        "error[units-class-mismatch]: the labels have 5 classes, and the output has 3 units\n"
        "  --> train.loss.a\n"
        "help: end the model with `Dense: {units: 5, activation: softmax}`"
    )
