"""What people wrote on a run, in `notes.json`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from kexp.errors import UsageError, did_you_mean, listed
from kexp.record.jsonfile import SCHEMA, broken, object_bytes, read_object
from kexp.record.rundir import RunDir


@dataclass(frozen=True, slots=True)
class Notes:
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tagged(self, tags: Sequence[str]) -> "Notes":
        """Return the notes with more tags.

        Raises: bad-tag
        """
        bad = next((tag for tag in tags if tag.split() != [tag]), None)
        if bad is not None:
            help = "such as `kexp tag latest baseline`"
            raise UsageError.because("bad-tag", f"a tag is one word, found `{bad}`", help=help)
        return replace(self, tags=tuple(dict.fromkeys((*self.tags, *tags))))

    def untagged(self, tags: Sequence[str]) -> "Notes":
        """Return the notes without some of their tags.

        Raises: no-such-tag
        """
        unknown = next((tag for tag in tags if tag not in self.tags), None)
        if unknown is not None:
            all_of_them = f"its tags are {listed(self.tags)}" if self.tags else "it has none"
            help = did_you_mean(unknown, self.tags) or all_of_them
            raise UsageError.because("no-such-tag", f"the run has no tag `{unknown}`", help=help)
        return replace(self, tags=tuple(tag for tag in self.tags if tag not in tags))

    def noted(self, text: str) -> "Notes":
        """Return the notes with one more.

        Raises: empty-note
        """
        if not text.strip():
            raise UsageError.because("empty-note", "a note needs words, found none")
        return replace(self, notes=(*self.notes, text))


def write_notes(run: RunDir, notes: Notes) -> None:
    run.write_listed(run.notes, object_bytes({"schema": SCHEMA, **asdict(notes)}))


def change_notes(run: RunDir, change: Callable[[Notes], Notes]) -> Notes:
    """Change what people wrote on a run, which is this process's own meanwhile; return what it is now.

    Raises: run-locked, run-not-writable, file-broken, another-version, and what `change` raises
    """
    with run.lock():
        notes = change(read_notes(run))
        write_notes(run, notes)
    return notes


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
