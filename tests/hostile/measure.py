"""How much more memory than a plain start the commands take on what strangers send: `python -m hostile.measure`.

Every case is written by a process of its own, so that only reading it counts.
"""

import multiprocessing
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile.commands import kexp
from hostile.corpus import CHECKPOINTS, LOOKING
from hostile.keras_files import KERAS_FILES
from hostile.models import DATA_LARGE, LARGE
from hostile.runs import ID, list_anew, make_run
from hostile.texts import TEXTS

Write = Callable[[Path], None]
LOOKS = (("ls",), ("ls", "--size"), ("show", ID), ("show", ID, "--json"), ("show", ID, "--metrics"))


def _run(spoil: Callable[..., None]) -> Write:
    def write(folder: Path) -> None:
        (folder / "outside").mkdir()
        spoil(make_run(folder / "runs"), folder / "outside")

    return write


def _spec(text: str) -> Write:
    def write(folder: Path) -> None:
        run = make_run(folder / "runs")
        run.write_resolved(text)
        list_anew(run, run.resolved)

    return write


def _text(text: str | bytes) -> Write:
    return lambda folder: (
        (folder / "spec.yaml").write_bytes(text if isinstance(text, bytes) else text.encode()) and None
    )


def _model(write: Write) -> Write:
    return lambda folder: write(folder / "model.keras")


def looking() -> Iterator[tuple[Write, tuple[tuple[str, ...], ...]]]:
    for spoil in LOOKING.values():
        yield _run(spoil), LOOKS
    for text in TEXTS.values():
        yield _text(text), (("validate", "spec.yaml"),)


def running() -> Iterator[tuple[Write, tuple[tuple[str, ...], ...]]]:
    measure = (("evaluate", ID, "--split", "train"),)
    for spoil in CHECKPOINTS.values():
        yield _run(spoil), measure
    for text in (*LARGE.values(), *DATA_LARGE.values()):
        yield _spec(text), measure
    for write in KERAS_FILES.values():
        yield _model(write), (("import", "model.keras"),)


def main() -> None:
    """Write the most memory of all cases to stdout, in bytes beyond that of a sound run."""
    kind, base = sys.argv[1], Path(sys.argv[2])
    cases = looking() if kind == "looking" else running()
    plain = ("show", ID) if kind == "looking" else ("evaluate", ID, "--split", "train")
    make_run(base / "sound" / "runs")
    kexp(base / "sound", *plain)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for write, commands in cases:
        folder = base / "case"
        folder.mkdir()
        writer = multiprocessing.get_context("fork").Process(target=write, args=(folder,))
        writer.start()
        writer.join()
        for command in commands:
            kexp(folder, *command)
        shutil.rmtree(folder)
    sys.stdout.write(f"{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024}\n")


if __name__ == "__main__":
    main()
