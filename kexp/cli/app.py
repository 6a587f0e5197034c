"""`kexp`: the one place that turns errors, bugs and Ctrl-C into exit codes."""

import atexit
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from kexp import __version__

if TYPE_CHECKING:
    from kexp.cli.streams import Streams

_INTERRUPTED = 128 + signal.SIGINT


def main() -> NoReturn:
    """Run the command line; every exit code of `kexp.errors` comes from here."""
    # Before the imports, so that an early Ctrl-C is no traceback; and an exit, since Typer takes a
    # KeyboardInterrupt for its own. A run that goes on has a handler of its own.
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(_INTERRUPTED))
    from kexp.cli.streams import Streams

    streams = Streams()
    try:
        _answer(streams)
    except SystemExit as end:
        if streams.leaves_at_once and isinstance(end.code, int):
            _leave(end.code)
        raise


def _answer(streams: "Streams") -> NoReturn:
    from kexp.errors import BUG_EXIT_CODE, KexpError, RunFailed

    try:
        from kexp.cli.commands import app_for

        app_for(sys.argv[1:])(obj=streams)
    except KexpError as error:
        streams.complain(error)
        sys.exit(error.exit_code)
    except MemoryError as error:
        message = f"there is not enough memory: {error}" if str(error) else "there is not enough memory"
        help = "take fewer samples at a time; `data: {cache: none}` reads them only as they are used"
        streams.complain(RunFailed.because("out-of-memory", message, help=help))
        sys.exit(RunFailed.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            is_early = sys.argv[1:2] == ["train"] and not streams.has_run
            streams.say("stopped; no run was made" if is_early else "stopped")
        raise
    except Exception as error:
        streams.say(_bug_report(error, streams))
        sys.exit(BUG_EXIT_CODE)
    sys.exit(0)


def _leave(code: int) -> NoReturn:
    """End as Python does, without taking down the interpreter: with TensorFlow in it that takes 0.3 s."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _bug_report(error: Exception, streams: "Streams") -> str:
    """Write a log worth pasting and say where it is, and where the backend's last words are."""
    import tempfile
    import traceback

    from kexp.diagnostics import printable
    from kexp.record.redaction import redacted_arguments

    command = " ".join(redacted_arguments(sys.argv))
    with tempfile.NamedTemporaryFile("w", prefix="kexp-bug-", suffix=".log", delete=False) as log:
        log.write(f"kexp {__version__}, Python {sys.version}\n{command}\n\n{traceback.format_exc()}")
    lines = [
        printable(f"bug: {type(error).__name__}: {error}"),
        f"this is a fault of kexp; please report it with {log.name}",
    ]
    if streams.noise is not None and streams.noise.exists():
        lines.append(f"what the backend wrote is in {streams.noise}")
    return "\n".join(lines)
