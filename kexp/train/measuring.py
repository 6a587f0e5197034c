"""A finished model on a split: Keras's own evaluation, its steps executed in segments."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import keras

from kexp.custom import load_reference
from kexp.evaluate.metrics import as_number, reading_order
from kexp.graph.assemble import Assembly
from kexp.protocols import Samples
from kexp.train.engine import BACKENDS
from kexp.train.engine.choice import choose
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Backend
from kexp.train.engine.segments import Segmented, Segments
from kexp.train.engine.single import Batches
from kexp.train.engine.streamed import Streamed
from kexp.train.engine.tempo import Tempo
from kexp.train.execution import parts_of


def measure(assembly: Assembly, samples: Samples, batch_size: int) -> dict[str, float]:
    """Return loss and metrics of the model on samples, under Keras's names.

    They are those of the same batches in a validation and in `model.evaluate`, to the bit.

    Raises: SpecError (metric-not-a-number).
    """
    with evaluation_batches(assembly.model, Feed(parts_of(assembly, samples), batch_size)) as batches:
        values = assembly.model.evaluate(batches, verbose=0, return_dict=True)
    return {name: as_number(name, values[name]) for name in sorted(values, key=reading_order)}


@contextmanager
def evaluation_batches(model: keras.Model, feed: Feed) -> Iterator[Any]:
    """Give what `model.evaluate` takes; the steps of a segment run as one until the block ends."""
    reference = BACKENDS.get(keras.backend.backend())
    backend: Backend | None = None if reference is None else load_reference(reference)()
    if backend is None or choose(model, (), (feed,), "none", backend).mode == "single":
        yield Batches(feed)
        return
    supply = Streamed(feed, backend, is_repeated=False)
    segments = Segments(supply, backend.loop(model, "test", False, None), feed.steps, Tempo())
    with closing(Segmented(model, segments, None)):
        yield segments
