"""Evaluation and prediction of 60,000 rows against `model.evaluate` and `model.predict` with their defaults.

From arrays to arrays, in one process. Evaluations have the same batches of 32 and give the same bits;
predictions are the same up to rounding. Expected before it was measured, for the MLP: evaluate 4.5 times
faster, predict 8; less for the CNN, which computes for longer.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table
from tests.benchmarks.timing import interleaved

if TYPE_CHECKING:
    from tests.benchmarks.workloads import Work

_ROWS = {"Fashion-MNIST MLP, batch 128": 60_000, "Fashion-MNIST CNN, batch 128": 6_000}
_HEADER = ("workload", "Keras, s", "kexp, s", "ratio")


def tables(rounds: int = 7) -> Iterator[Table]:
    from fakes import machine

    machine()
    from tests.benchmarks.workloads import works

    asked = {name: (works()[name], size) for name, size in _ROWS.items()}
    rows = [_row(name, size, _evaluated(work, size, rounds)) for name, (work, size) in asked.items()]
    note = f"Medians of {rounds} rounds, the two in turn; compiled before."
    yield Table("Evaluate", _HEADER, rows, note)
    few = max(2, rounds // 2)
    rows = [_row(name, size, _evaluated_anew(work, size, few)) for name, (work, size) in asked.items()]
    yield Table("Evaluate by a new model, tracing included", _HEADER, rows, f"Medians of {few} rounds.")
    rows = [_row(name, size, _predicted(work, size, rounds)) for name, (work, size) in asked.items()]
    yield Table("Predict", _HEADER, rows, note)


def _row(name: str, size: int, seconds: tuple[float, float]) -> tuple[Any, ...]:
    usual, ours = seconds
    return f"{name.partition(',')[0]}, {size:,} rows", usual, ours, usual / ours


def _both(ways: Mapping[str, Callable[[], object]], rounds: int) -> tuple[float, float]:
    times = interleaved(ways, rounds)
    usual, ours = (median(each.seconds) for each in times.values())
    return usual, ours


def _evaluated(work: "Work", size: int, rounds: int) -> tuple[float, float]:
    from kexp.train.engine.feed import Feed
    from kexp.train.measuring import evaluation_batches

    x, y = _enlarged(work, size)
    usual, ours = work.make(), work.make()
    ours.set_weights(usual.get_weights())
    with ExitStack() as stack:
        batches = stack.enter_context(evaluation_batches(ours, Feed((x, y), 32)))

        def usually() -> Any:
            return usual.evaluate(x, y, verbose=0)

        def by_us() -> Any:
            return ours.evaluate(batches, verbose=0)

        assert usually() == by_us()
        return _both({"Keras": usually, "kexp": by_us}, rounds)


def _evaluated_anew(work: "Work", size: int, rounds: int) -> tuple[float, float]:
    from kexp.train.engine.feed import Feed
    from kexp.train.measuring import evaluation_batches

    x, y = _enlarged(work, size)

    def by_us() -> Any:
        model = work.make()
        with evaluation_batches(model, Feed((x, y), 32)) as batches:
            return model.evaluate(batches, verbose=0)

    return _both({"Keras": lambda: work.make().evaluate(x, y, verbose=0), "kexp": by_us}, rounds)


def _predicted(work: "Work", size: int, rounds: int) -> tuple[float, float]:
    import numpy as np

    from kexp.evaluate.predicted import fitting_rows, outputs_of

    x, _ = _enlarged(work, size)
    model = work.make()

    def usually() -> Any:
        return model.predict(x, verbose=0)

    def by_us() -> Any:
        return outputs_of(model, x, fitting_rows(model, least=32))[0]

    np.testing.assert_allclose(by_us(), usually(), rtol=1e-4, atol=1e-6)
    return _both({"Keras": usually, "kexp": by_us}, rounds)


def _enlarged(work: "Work", size: int) -> tuple[Any, Any]:
    import numpy as np

    rows = np.arange(size) % len(work.x)
    return work.x[rows], work.y[rows]
