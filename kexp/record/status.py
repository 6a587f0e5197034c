"""Where a run stands, in `status.json`: derived, never trusted blindly."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from reprlib import repr
from typing import Any

from kexp.record.jsonfile import SCHEMA, broken, finite, read_object, told, write_object
from kexp.record.rundir import RunDir

STATES = ("created", "running", "completed", "failed", "interrupted", "stopped")


@dataclass(frozen=True, slots=True)
class Status:
    """`epoch` and `step` are the last ones done; a metric that is None was not finite.

    `samples` is by split; `best` has `epoch`, `monitor` and `value`; `checkpoint_error` is why the last
    save failed, if it did.
    """

    state: str = "created"
    name: str = ""
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    pid: int | None = None
    host: str | None = None
    epoch: int = 0
    step: int = 0
    error: str | None = None
    checkpoint_error: str | None = None
    wall_seconds: float | None = None
    peak_memory_bytes: int | None = None
    samples: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    best: Mapping[str, object] | None = None
    weights_sha256: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the run says so itself."""
        return self.state in ("created", "running")

    def to_json(self) -> dict[str, object]:
        record = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        _, nonfinite = told(self.metrics)
        return {"schema": SCHEMA, **record, **({"nonfinite": nonfinite} if nonfinite else {})}

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> "Status":
        """Read a record; keys that are unknown are passed over, and missing ones have their defaults.

        Raises: ValueError, with what is wrong
        """
        known: dict[str, Any] = {}
        for name, kinds in _KINDS.items():
            value = record.get(name)
            if value is None:
                continue
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f"`{name}` is {repr(value)}")
            known[name] = utc_moment(str(value)) if name in _MOMENTS else value
        if known.get("state", "created") not in STATES:
            raise ValueError(f"`state` is {repr(known['state'])}")
        for name, value in known.get("metrics", {}).items():
            if not isinstance(value, int | float | None):
                raise ValueError(f"the metric `{name}` is {repr(value)}")
        for name, value in known.get("samples", {}).items():
            if not isinstance(value, int):
                raise ValueError(f"the number of samples of `{name}` is {repr(value)}")
        return cls(**known)


_MOMENTS = ("created", "started", "ended")
_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("state", "name", "host", "error", "checkpoint_error", "weights_sha256", *_MOMENTS), (str,)
    ),
    **dict.fromkeys(("pid", "epoch", "step", "peak_memory_bytes"), (int,)),
    "wall_seconds": (int, float),
    **dict.fromkeys(("samples", "metrics", "best"), (dict,)),
}


def derive_state(status: Status, locked: bool) -> str:
    """Return the state as it is: a run that says it goes on, and that nobody holds, was interrupted."""
    return "interrupted" if status.goes_on and not locked else status.state


def standing(run: RunDir) -> tuple[Status, str]:
    """Return a run's status, and its state as it is.

    Raises: file-broken, another-version
    """
    status = read_status(run)
    if not status.goes_on or run.is_locked():
        return status, status.state
    # Its owner may have ended it in between: who lets go of the lock has written how it ended.
    status = read_status(run)
    return status, derive_state(status, locked=False)


def write_status(run: RunDir, status: Status) -> None:
    write_object(run.status, status.to_json())


def read_status(run: RunDir) -> Status:
    """Read the status; a run killed before it had one is as it was created.

    Raises: file-broken, another-version
    """
    try:
        return Status.from_json(read_object(run.status) or {})
    except ValueError as error:
        raise broken(run.status, str(error)) from None


def is_begun(run: RunDir) -> bool:
    """Tell whether all that is asked of a run was written down, so that it can be gone on with.

    Raises: file-broken, another-version
    """
    return run.resolved.is_file() and read_status(run).started is not None


def _plain(value: object) -> object:
    return utc_text(value) if isinstance(value, datetime) else finite(value)


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_moment(text: str) -> datetime:
    """Read a time as written by `utc_text`.

    Raises: ValueError
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"`{text}` is before or after all times") from None
