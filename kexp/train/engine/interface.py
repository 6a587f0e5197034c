"""The seams of the engine on one page."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kexp.data.order import Indices
from kexp.train.engine.feed import Augmentation, Feed

Kind = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Leg:
    """The part of an epoch that runs: from step `first` on, with an end of a segment at each of `stops`.

    The steps before are counted and not run; `logs` is what the last of them gave.
    """

    epoch: int
    first: int = 0
    logs: Any = None
    stops: range = range(0)

    def until_stop(self, step: int) -> int | None:
        """Return how many steps there are from `step` to the next stop; None where there is none."""
        place = bisect_right(self.stops, step)
        return self.stops[place] - step if place < len(self.stops) else None


class Engine(Protocol):
    """One way of executing the steps of a phase behind Keras's `fit`, which it gives what it takes."""

    @property
    def batches(self) -> Any:
        """The `x` of `fit`; whoever begins an epoch tells it by `begin(leg)`."""

    @property
    def validation(self) -> Any:
        """The `validation_data` of `fit`; None without validation."""

    def callbacks(self, given: Sequence[Any], epochs: int) -> Any:
        """Return the `callbacks` of `fit`, which trains up to epoch number `epochs`."""

    def close(self) -> None:
        """Give back what the engine holds, and leave the model as it was."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The steps of a segment: step i takes `rows[bounds[i] : bounds[i + 1]]` of `data`, all on the device.

    No `rows`: the data are in the order of the steps. `place` is (seed, epoch, step) of the first of them.
    """

    data: Any
    rows: Any
    bounds: Indices
    place: tuple[int, int, int]


class Supply(Protocol):
    """Brings a split's rows to where the steps run."""

    feed: Feed

    def begin(self, epoch: int) -> None:
        """Settle what the steps of this epoch take."""

    def portion(self, first: int, length: int) -> Portion:
        """Return steps from step `first` of the epoch on: `length`, or as many as there are."""

    def close(self) -> None: ...


class StepLoop(Protocol):
    """A model's own step, compiled and repeated, in the place of its train or test function.

    Keras takes an epoch for a single step: the next of `epochs` runs what is left of one, and gives its logs.
    """

    epochs: Iterator[Any]

    def build(self, batch: Any) -> None:
        """Make what Keras would read a batch for before the first step."""

    def run(self, portion: Portion) -> tuple[Any, int]:
        """Return the logs of the last step that was done, and how many were."""

    def laid_open(self) -> AbstractContextManager[None]:
        """Show the model to callbacks as it is between two segments, and take over what they change."""

    def close(self) -> None:
        """Put Keras's own function back."""


class Backend(Protocol):
    """What a Keras backend does for segments."""

    def single_steps(self, model: Any, is_augmented: bool) -> str | None:
        """Say what about a model, or about changing its batches, wants single steps, if anything does."""

    @property
    def gathers(self) -> bool:
        """Whether a step gathers its rows on the device; if not, a thread brings them into their order."""

    def put(self, parts: Any) -> Any:
        """Return the arrays on the device, nested as they are, each in its dtype."""

    def put_rows(self, parts: Any, most: int) -> Any:
        """Return the rows of some steps on the device, perhaps with more, up to `most`, that none takes."""

    def free_bytes(self) -> int:
        """Return what the device has room for."""

    def loop(self, model: Any, kind: Kind, stops_at_nan: bool, augmentation: Augmentation | None) -> StepLoop:
        """Return a loop in the place of a model's function; it may end after a loss that is not finite."""
