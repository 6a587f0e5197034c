"""ResNet-50 from YAML against `keras.applications.ResNet50(weights=None)`, in one process.

Expected before it was measured: parse and check below 0.1 s; build within 1.15 of Keras's own function.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.tables import Table
from tests.benchmarks.timing import interleaved


def tables(rounds: int = 15) -> Iterator[Table]:
    from fakes import machine

    machine()
    import keras

    from kexp.document import parse_document
    from kexp.graph.build import build_model
    from kexp.graph.construct import Context
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import Opened
    from kexp.protocols import DataInfo, TensorInfo
    from kexp.spec.canonical import canonical
    from kexp.spec.parse import parse_experiment

    def keras_builds() -> keras.Model:
        return keras.applications.ResNet50(weights=None)

    text = canonical(experiment_of(Opened(keras_builds()), "resnet50", "r.keras").experiment, short=True)
    data = text.encode()
    info = DataInfo((TensorInfo("image", (224, 224, 3), "float32"),), (), {}, {}, {"train": 1})
    context = Context(0, Path(), {})

    def kexp_parses() -> object:
        return parse_experiment(parse_document(data, "resnet50.yaml", Path()))

    experiment = kexp_parses()

    def kexp_builds() -> object:
        return build_model(experiment, info, context)

    def kexp_does_all() -> object:
        return build_model(kexp_parses(), info, context)

    ways = {
        "Keras: ResNet50(weights=None)": keras_builds,
        "kexp: parse and check": kexp_parses,
        "kexp: build": kexp_builds,
        "kexp: parse, check, build": kexp_does_all,
    }
    times = interleaved(ways, rounds)
    usual = times["Keras: ResNet50(weights=None)"].median
    rows = [(name, each.median, each.spread, each.median / usual) for name, each in times.items()]
    title = (
        f"ResNet-50, {keras_builds().count_params():,} parameters, from {text.count(chr(10))} lines of YAML"
    )
    note = f"Seconds, {rounds} rounds, the ways in turn."
    yield Table(title, ("way", "median", "middle half", "of Keras"), rows, note)
