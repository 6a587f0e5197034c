"""How the cost of a training grows with its data, its model and its outputs, against `fit` on arrays.

Expected before it was measured: ten times the data take ten times as long, and a row costs no more in a
larger data set than in a small one; beginning a training grows with the number of layers as it does in
Keras; more outputs cost kexp no more than Keras.
"""

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from tests.benchmarks.workloads import Work

_SIZES = (1_200, 12_000, 120_000)
_WIDTHS = (64, 512, 4096)
_DEPTHS = (2, 10, 50)
_OUTPUTS = (1, 4, 16)


def tables(rounds: int = 3) -> Iterator[Table]:
    from fakes import machine

    machine()
    from tests.benchmarks.flops import of_epoch

    rows = []
    for size in _SIZES:
        usual, ours = _epoch(_work(size), rounds)
        rows.append((size, usual, ours, usual / ours, 1e6 * usual / size, 1e6 * ours / size))
    header = ("rows", "fit, s", "kexp, s", "ratio", "fit, µs/row", "kexp, µs/row")
    note = f"Medians of {rounds} epochs, the two in turn; batches of 128, 64 units."
    yield Table("An epoch, by rows", header, rows, note)

    rows = []
    for width in _WIDTHS:
        work = _work(2_560, width=width)
        usual, ours = _epoch(work, rounds)
        model = work.make()
        billions = of_epoch(model, len(work.x)) / 1e9
        rows.append((f"{model.count_params():,}", usual, ours, usual / ours, billions / ours))
    header = ("parameters", "fit, s", "kexp, s", "ratio", "kexp, GFLOP/s")
    yield Table("An epoch of 2,560 rows, by parameters", header, rows)

    rows = [(depth, *_beginning(_work(512, depth=depth), rounds)) for depth in _DEPTHS]
    header = ("layers", "fit, s", "kexp, s", "ratio")
    yield Table("A new model's first epoch, tracing included, by layers", header, rows)

    rows = [(outputs, *_beginning(_work(512, outputs=outputs), rounds)) for outputs in _OUTPUTS]
    yield Table("A new model's first epoch, tracing included, by outputs", ("outputs", *header[1:]), rows)
    rows = []
    for outputs in _OUTPUTS:
        usual, ours = _epoch(_work(2_560, outputs=outputs), rounds)
        rows.append((outputs, usual, ours, usual / ours))
    yield Table("An epoch of 2,560 rows, by outputs", ("outputs", *header[1:]), rows)


def _epoch(work: "Work", rounds: int) -> tuple[float, float]:
    """Return the seconds of an epoch of both ways."""
    from tests.benchmarks.workloads import Plain, Segmented

    ways = (Plain(work), Segmented(work))
    for way in ways:
        way.epochs(2)
    found = [[min(way.epochs(2)) for way in ways] for _ in range(rounds)]
    for way in ways:
        way.close()
    usual, ours = (median(each) for each in zip(*found, strict=True))
    return usual, ours


def _beginning(work: "Work", rounds: int) -> tuple[float, float, float]:
    """Return the seconds from a compiled model to the end of its first epoch, of both ways."""
    from tests.benchmarks.workloads import Plain, Segmented

    def seconds(kind: Any) -> float:
        way = kind(work)
        began = perf_counter()
        way.epochs(1)
        took = perf_counter() - began
        way.close()
        return took

    found = [(seconds(Plain), seconds(Segmented)) for _ in range(rounds)]
    usual, ours = (median(each) for each in zip(*found, strict=True))
    return usual, ours, usual / ours


def _work(size: int, width: int = 64, depth: int = 1, outputs: int = 1) -> "Work":
    """Return a training of a network of dense layers."""
    import numpy as np

    from tests.benchmarks.workloads import Work

    random = np.random.default_rng(0)
    x = random.integers(0, 256, (size, 784), np.uint8)
    y = random.integers(0, 10, size)
    return Work(_network(width, depth, outputs), x, y if outputs == 1 else (y,) * outputs, 128)


def _network(width: int, depth: int, outputs: int) -> Callable[[], Any]:
    def make() -> Any:
        import keras
        from keras import layers as L

        x = pixels = keras.Input((784,))
        x = L.Rescaling(1 / 255)(x)
        for _ in range(depth):
            x = L.Dense(width, "relu")(x)
        heads = [L.Dense(10, "softmax", name=f"head_{number}")(x) for number in range(outputs)]
        model = keras.Model(pixels, heads)
        losses = ["sparse_categorical_crossentropy"] * outputs
        model.compile("adam", losses, metrics=[["accuracy"]] * outputs)
        return model

    return make
