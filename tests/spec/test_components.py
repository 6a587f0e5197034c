import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.components import is_custom
from kexp.spec.types import Component, Formula, Graph, Step, Training

DATA = "data: {source: sklearn, dataset: digits}\n"


def layer(text: str) -> Component:
    """Return the first layer of a model, written in flow style."""
    spec = f"{DATA}train: {{optimizer: adam, loss: mse}}\nmodel: {{layers: [{text}]}}\n"
    what = experiment_of(spec).model.steps[0].what
    assert isinstance(what, Component)
    return what


def training(text: str, model: str = "{layers: [Flatten]}") -> Training:
    return experiment_of(f"{DATA}model: {model}\ntrain: {text}\n").train


def fault(read, text):
    with pytest.raises(SpecError) as error:
        read(text)
    [only] = error.value.diagnostics
    return only.id, only.message, only.span.text, only.help


def component(name, namespace="layers", /, **options):
    return Component(name, namespace, options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Flatten", Component("Flatten", "layers")),
        ("Flatten: {}", component("Flatten")),
        ("Dense: 64", component("Dense", units=64)),
        ("Dense: {units: 64, activation: relu}", component("Dense", units=64, activation="relu")),
        ("Dense: $num_classes", component("Dense", units=Formula("$num_classes"))),
        ("Reshape: [4, 2]", component("Reshape", target_shape=(4, 2))),
        (
            "Dense: {units: 1, kernel_regularizer: {L2: 1e-4}}",
            component("Dense", units=1, kernel_regularizer=component("L2", "regularizers", l2=1e-4)),
        ),
        (
            "Dense: {units: 1, kernel_initializer: {Identity: 2.0}}",
            component("Dense", units=1, kernel_initializer=component("Identity", "initializers", gain=2.0)),
        ),
        ("Bidirectional: {LSTM: 32}", component("Bidirectional", layer=component("LSTM", units=32))),
        (
            "RNN: [{LSTMCell: 4}, GRUCell: {units: 2}]",
            component("RNN", cell=(component("LSTMCell", units=4), component("GRUCell", units=2))),
        ),
        ("Lambda: {function: code.py:f}", component("Lambda", function=Component("code.py:f", "layers"))),
        ("Lambda: {function: {literal: {L2: $x}}}", component("Lambda", function={"L2": "$x"})),
        ("MobileNetV2: {weights: null}", Component("MobileNetV2", "applications", {"weights": None})),
        (
            "TimeDistributed: {model: {layers: [ReLU]}}",
            component("TimeDistributed", layer=Graph((Step(Component("ReLU", "layers")),))),
        ),
        ("code.py:Net", Component("code.py:Net", "layers")),
        ('"code.py:Net": {}', Component("code.py:Net", "layers", {})),
        ('"code.py:Net": 3', Component("code.py:Net", "layers", {}, (3,))),
        ('"code.py:Net": {by: [1, a]}', Component("code.py:Net", "layers", {"by": (1, "a")})),
        ('"pkg.mod:Net": {Dense: 3}', Component("pkg.mod:Net", "layers", {}, (component("Dense", units=3),))),
    ],
)
def test_an_object_is_a_name_a_first_argument_or_a_map_of_arguments(text, expected):
    assert layer(text) == expected


def test_strings_that_keras_knows_stay_strings():
    found = training("{optimizer: adam, loss: mse, metrics: [accuracy, crossentropy, AUC]}")
    assert (found.optimizer, found.loss) == ("adam", "mse")
    assert found.metrics == ("accuracy", "crossentropy", Component("AUC", "metrics"))


def test_losses_and_metrics_may_be_given_by_output():
    text = "{optimizer: adam, loss: {a: mse, b: null}, metrics: {a: AUC, b: }}"
    found = training(text, "{layers: [Dense -> a: 1, a -> Dense -> b: 1], outputs: [a, b]}")
    assert found.loss == {"a": "mse", "b": None}
    assert found.metrics == {"a": (Component("AUC", "metrics"),), "b": ()}


def test_the_position_decides_the_namespace_of_a_schedule():
    schedule = "{ExponentialDecay: {initial_learning_rate: 0.1, decay_steps: 9, decay_rate: 0.9}}"
    found = training(f"{{optimizer: {{SGD: {{learning_rate: {schedule}}}}}, loss: mse}}").optimizer
    assert isinstance(found, Component)
    assert found.options["learning_rate"].namespace == "schedules"


def test_an_explicit_namespace_settles_what_the_position_leaves_open():
    assert layer('Lambda: {function: {"keras.losses:Hinge": {}}}').options["function"].namespace == "losses"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Dens: 3",
            ("unknown-layer", "there is no layer `Dens` in Keras 3.15.1", "Dens", "did you mean `Dense`?"),
        ),
        (
            "Zebra: 3",
            (
                "unknown-layer",
                "there is no layer `Zebra` in Keras 3.15.1",
                "Zebra",
                "a layer of your own is written `file.py:Name`",
            ),
        ),
        ("Adam: 3", ("unknown-layer", "`Adam` is an optimizer, and a layer is expected here", "Adam", None)),
        (
            "Dense: {unit: 3}",
            ("unknown-argument", "`Dense` has no argument `unit`", "unit", "did you mean `units`?"),
        ),
        (
            "Dropout: {p: 0.5}",
            ("unknown-argument", "`Dropout` has no argument `p`", "p", "did you mean `rate`?"),
        ),
        ("Dense", ("missing-argument", "`Dense` needs `units`", "Dense", "write `Dense: {units: …}`")),
        (
            "Dense: {activation: relu}",
            ("missing-argument", "`Dense` needs `units`", "Dense", "add `units: …`"),
        ),
        (
            "Lambda: {function: {Hinge: {}}}",
            (
                "ambiguous-object",
                "`Hinge` is a loss and a metric",
                "Hinge",
                "write `keras.losses:Hinge` or `keras.metrics:Hinge`",
            ),
        ),
        (
            "Dense: {units: 3, kernel_regularizer: {Dense: 3}}",
            ("unknown-regularizer", "`Dense` is a layer, and a regularizer is expected here", "Dense", None),
        ),
    ],
)
def test_a_layer_that_cannot_be_read_is_explained(text, expected):
    assert fault(layer, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{optimizer: addam, loss: mse}",
            (
                "unknown-optimizer",
                "there is no optimizer `addam` in Keras 3.15.1",
                "addam",
                "did you mean `adam`?",
            ),
        ),
        (
            "{optimizer: [adam], loss: mse}",
            ("wrong-type", "an optimizer is expected, found a list", "[adam]", None),
        ),
        (
            "{optimizer: {Adam: , learning_rate: 3}, loss: mse}",
            (
                "two-objects",
                "one optimizer is expected, found the keys `Adam` and `learning_rate`",
                "learning_rate",
                "write arguments inside braces: `Adam: {learning_rate: …}`",
            ),
        ),
        (
            "{optimizer: adam, loss: mse, callbacks: EarlyStopping}",
            (
                "wrong-type",
                '`train.callbacks` must be a list, found the text "EarlyStopping"',
                "EarlyStopping",
                None,
            ),
        ),
    ],
)
def test_a_training_object_that_cannot_be_read_is_explained(text, expected):
    assert fault(training, text) == expected


def test_every_fault_of_an_object_is_found_at_once():
    with pytest.raises(SpecError) as error:
        layer("Conv2D: {filtrs: 3, padding: {Zebra: 1}, activaton: relu, kernel_regularizer: {L3: 1}}")
    assert [(d.id, d.span.text) for d in error.value.diagnostics] == [
        ("missing-argument", "Conv2D"),
        ("unknown-argument", "filtrs"),
        ("unknown-layer", "Zebra"),
        ("unknown-argument", "activaton"),
        ("unknown-regularizer", "L3"),
    ]
    assert error.value.diagnostics[0].message == "`Conv2D` needs `kernel_size`"


@pytest.mark.parametrize(
    ("name", "custom"),
    [
        ("code.py:Net", True),
        ("models/code.py:Net", True),
        ("pkg.mod:Net", True),
        ("keras.losses:Hinge", False),
        ("Dense", False),
        ("code.py", False),
        ("code.py:", False),
    ],
)
def test_a_custom_name_has_a_file_or_module_and_a_colon(name, custom):
    assert is_custom(name) == custom
