"""What the static check says will be published, compared with what Keras publishes."""

import numpy as np
import pytest
from fakes import KERAS, experiment, info, machine

from kexp.spec.catalogue import catalogue
from kexp.spec.published import direction, published
from kexp.spec.types import Component

pytestmark = KERAS

NEEDED = {
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "MeanMetricWrapper": {"fn": abs},
}
KERAS_S = {"up": "max", "down": "min", None: None}


@pytest.fixture(autouse=True)
def backend():
    machine()


def of_keras(metric):
    return KERAS_S[getattr(metric, "_direction", None)]


def test_directions_are_those_of_keras():
    import keras

    classes = {name: catalogue().signature("metrics", name).name for name in catalogue().names("metrics")}
    found = {
        name: of_keras(getattr(keras.metrics, name)(**NEEDED.get(name, {}))) for name in classes.values()
    }
    assert {name: direction(Component(name, "metrics")) for name in found} == found


def test_directions_of_strings_are_those_of_keras():
    import keras

    found = {}
    for name in catalogue().identifiers("metrics"):
        try:
            found[name] = of_keras(keras.metrics.get(name))
        except (TypeError, ValueError):
            continue  # Keras takes this string only for a class with arguments, or settles it by the labels
    assert {name: direction(name) for name in found} == found
    assert len(found) > 80
    assert direction("accuracy") == direction("acc") == "max"


ONE = "{layers: [{Dense: {units: 1, activation: sigmoid}}]}"
TWO = "{layers: [{Dense -> a: {units: 1, activation: sigmoid}}, {Dense -> b: 1}], outputs: OUTPUTS}"


@pytest.mark.parametrize(
    ("model", "train"),
    [
        (ONE, "loss: bce"),
        (ONE, "loss: bce, metrics: [accuracy, acc, AUC, auc, AUC, {AUC: {name: mine}}, FBetaScore]"),
        (ONE, "loss: bce, metrics: accuracy, weighted_metrics: [accuracy, accuracy, mae]"),
        (ONE, "loss: bce, metrics: [accuracy, accuracy], weighted_metrics: [LogCoshError]"),
        (TWO, "loss: {a: bce, b: mse}"),
        (TWO, "loss: {a: bce, b: null}, metrics: {b: [mae]}"),
        (
            TWO,
            "loss: {a: bce, b: mse}, metrics: {a: [AUC, AUC], b: [AUC]}, weighted_metrics: {a: [AUC, mae]}",
        ),
    ],
)
@pytest.mark.parametrize("outputs", ["[a, b]", "{a: a, b: b}"])
def test_names_and_directions_are_those_of_keras(assembled, model, train, outputs):
    from keras.src.callbacks.monitor_callback import MonitorCallback

    shown = model.replace("OUTPUTS", outputs)
    names = ("a", "b") if "->" in model else ("y",)
    data = info({"x": (4,)}, dict.fromkeys(names, (1,)))
    assembly, experiment = assembled(shown, data, f"{{optimizer: sgd, {train}}}")
    labels = np.zeros((2, 1), np.float32)
    targets = {"a": labels, "b": labels} if outputs.startswith("{") else (labels, labels)
    assembly.model._symbolic_build(data_batch=(np.zeros((2, 4)), targets if len(names) > 1 else labels))

    found = published(experiment.train, names if len(names) > 1 else ())
    assert set(found.directions) == set(assembly.model.get_metrics_result())
    assert found.is_complete
    for name, better in found.directions.items():
        callback = MonitorCallback(name)
        callback.set_model(assembly.model)
        if better is None:
            with pytest.raises(ValueError, match="automatically"):
                callback._set_monitor_op()
        else:
            callback._set_monitor_op()
            assert callback.monitor_op.__name__ == {"min": "less", "max": "greater"}[better]


@pytest.fixture
def assembled(tmp_path):
    """Return the assembly of a model and training, and its experiment."""
    from kexp.graph.assemble import assemble

    def made(model, data, train):
        spec = experiment(model, train)
        return assemble(spec, data, tmp_path), spec

    return made


def test_metrics_of_ones_own_may_be_called_anything():
    for metric in ("own.py:f1", "{own.py:F1: {beta: 2}}", "{AUC: {name: $(num_classes * 2)}}"):
        train = experiment(ONE, f"{{optimizer: sgd, loss: bce, metrics: [accuracy, {metric}]}}").train
        assert not published(train, ()).is_complete
