"""The experiment that a run trained, as its `resolved.yaml` says; and whether it may be run."""

from dataclasses import replace

from kexp.diagnostics import Diagnostic
from kexp.document import Document, parse_document
from kexp.document.reading import MAX_BYTES
from kexp.errors import KexpError, RunRefused
from kexp.record.rundir import RunDir
from kexp.record.seal import walk
from kexp.record.status import is_begun
from kexp.record.strangers import code_and_files, data_outside
from kexp.record.trust import local_key
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment


def read_experiment(run: RunDir) -> Experiment:
    """Return the experiment of a run, to be looked at.

    Raises: RunRefused (run-incomplete, file-differs, file-not-listed, path-outside-run), SpecError.
    """
    if not run.resolved.is_file():
        raise _incomplete(run, "it holds no resolved.yaml")
    for path in walk(run.code):
        run.verify(path.relative_to(run.path).as_posix())
    return parse_experiment(run_document(run))


def run_document(run: RunDir) -> Document:
    """Return what a run's `resolved.yaml` says.

    Raises: RunRefused (file-differs, file-not-listed, path-outside-run, file-broken), SpecError.
    """
    return parse_document(run.read("resolved.yaml", MAX_BYTES), str(run.resolved), run.path)


def runnable_experiment(run: RunDir, trust: bool = False) -> Experiment:
    """Return the experiment of a run whose model may be built: the user's own, or one that cannot hurt.

    How many threads a stranger had says nothing of this machine.

    Raises: what `read_experiment` and `check_whole` raise; RunRefused (run-unverified, untrusted-code,
        untrusted-path).
    """
    if trust or run.origin() == "own":
        return read_experiment(run)
    if run.origin() == "unverified":
        raise _unverified(run)
    run.check_whole()
    experiment = read_experiment(run)
    _refuse(code_and_files(experiment), experiment)
    return replace(experiment, runtime=replace(experiment.runtime, threads=None))


def check_readable(experiment: Experiment, run: RunDir, trust: bool) -> None:
    """Refuse to read data that a stranger's run names.

    Raises: RunRefused (untrusted-code, untrusted-path).
    """
    if not trust and run.origin() != "own":
        _refuse(data_outside(experiment.data), experiment)


def check_own(run: RunDir, trust: bool) -> None:
    """Refuse to train on in a stranger's run: callbacks and initial weights read and write where they like.

    Raises: RunRefused (run-incomplete, not-your-run).
    """
    if not is_begun(run):
        if run.metrics.exists():
            raise RunRefused.because(
                "run-incomplete",
                f"`{run.id}` has lost its `status.json`, and does not go on without it",
                help="what it trained is still there: `kexp evaluate` measures it",
            )
        raise _incomplete(run, "what it trains was not written down whole")
    if not trust and run.origin() != "own":
        raise RunRefused.because(
            "not-your-run",
            f"`{run.id}` is not known to be yours, and only your own runs are trained on",
            help="`--trust` does it: only where you know who wrote the run",
            **_key_problem(),
        )


def _incomplete(run: RunDir, reason: str) -> KexpError:
    return RunRefused.because(
        "run-incomplete",
        f"`{run.id}` was cut off before its training began: {reason}",
        help="remove the folder and train again",
    )


def _refuse(faults: list[Diagnostic], experiment: Experiment) -> None:
    if faults:
        error: KexpError = RunRefused(*faults)
        raise error if experiment.document is None else experiment.document.located(error)


def _unverified(run: RunDir) -> KexpError:
    return RunRefused.because(
        "run-unverified",
        f"nothing says what `{run.id}` should hold: it has no SHA256SUMS, and your key does not vouch for it",
        help="`kexp show` tells what it says of itself; `--trust` runs it as it is",
        **_key_problem(),
    )


def _key_problem() -> dict[str, str]:
    problem = local_key().problem
    return {"detail": problem} if problem else {}
