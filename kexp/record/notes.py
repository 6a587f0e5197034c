"""What people wrote on a run, in `notes.json`."""

from dataclasses import asdict, dataclass

from kexp.record.jsonfile import SCHEMA, broken, read_object, write_object
from kexp.record.rundir import RunDir


@dataclass(frozen=True, slots=True)
class Notes:
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_notes(run: RunDir, notes: Notes) -> None:
    write_object(run.notes, {"schema": SCHEMA, **asdict(notes)})


def read_notes(run: RunDir) -> Notes:
    """Read tags and notes; none where nobody wrote any.

    Raises: file-broken, another-version
    """
    record = read_object(run.notes) or {}
    return Notes(_texts(run, record, "tags"), _texts(run, record, "notes"))


def _texts(run: RunDir, record: dict[str, object], name: str) -> tuple[str, ...]:
    texts = record.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise broken(run.notes, f"`{name}` is not a list of texts")
    return tuple(texts)
