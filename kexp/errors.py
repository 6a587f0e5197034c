"""Every refusal kexp makes, as a tree; the number is the exit code.

KexpError
 ├─ RunFailed          1   the run began and could not end well: non-finite loss, out of memory, disk full
 ├─ UsageError         2   the command line is wrong
 │   └─ SpecError      2   the spec is wrong
 ├─ PromiseBroken      3   a promise was not kept: `--check`, `reproduce`
 ├─ NotFound           4   a run, spec or data file is missing, or a reference is ambiguous
 ├─ MissingExtra       5   an optional package is not installed
 ├─ DataError          6   the data is wrong: NaN, columns, labels
 ├─ DeviceError        7   the device that was asked for is not there
 ├─ RunRefused         8   a run directory is foreign, locked, corrupt or cannot be written
 └─ Stopped      130/143   a signal ended the run; what was done is kept

Any other exception is a bug in kexp: exit 70.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from difflib import get_close_matches
from itertools import islice

from kexp.diagnostics import Diagnostic, render

BUG_EXIT_CODE = 70


class KexpError(Exception):
    """A refusal that the user can act on."""

    exit_code: int

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return render(self.diagnostics)

    def with_diagnostics(self, diagnostics: Iterable[Diagnostic]) -> "KexpError":
        """Return the same refusal with other diagnostics."""
        other = copy(self)
        other.diagnostics = other.args = tuple(diagnostics)
        return other

    @classmethod
    def because(cls, id: str, message: str, **details: str) -> "KexpError":
        """Return an error with one diagnostic; `details` are its `path`, `help` and `detail`."""
        return cls(Diagnostic(id, message, **details))  # type: ignore[arg-type]


class RunFailed(KexpError):
    exit_code = 1


class UsageError(KexpError):
    exit_code = 2


class SpecError(UsageError):
    pass


class PromiseBroken(KexpError):
    exit_code = 3


class NotFound(KexpError):
    exit_code = 4


class MissingExtra(KexpError):
    exit_code = 5


class DataError(KexpError):
    exit_code = 6


class DeviceError(KexpError):
    exit_code = 7


class RunRefused(KexpError):
    exit_code = 8


class Stopped(KexpError):
    """A signal asked the run to end after its current step."""

    def __init__(self, signal_number: int, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.exit_code = 128 + signal_number


_NUM_LISTED = 8
_LONGEST = 40
_MOST_COMPARED = 500
"""More names, or longer ones, nobody has typed: comparing them all would take minutes."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant."""
    if len(name) > _LONGEST:
        return None
    alike = (k for k in known if abs(len(k) - len(name)) <= len(name))
    folded = {k.casefold(): k for k in islice(alike, _MOST_COMPARED)}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a help line that names what is nearest to `name`, or None."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else None


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:_NUM_LISTED])
    more = len(names) - _NUM_LISTED
    return f"{shown} and {more} more" if more > 0 else shown
