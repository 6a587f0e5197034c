"""The experiment that a run trained, as its `resolved.yaml` says."""

from kexp.document import load_document
from kexp.errors import RunRefused
from kexp.record.rundir import RunDir
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment


def read_experiment(run: RunDir) -> Experiment:
    """Return the experiment of a run.

    Raises: RunRefused (run-incomplete, file-differs), SpecError.
    """
    if not run.resolved.is_file():
        raise RunRefused.because(
            "run-incomplete",
            f"`{run.id}` holds no resolved.yaml: it was cut off before its training began",
            help="remove the folder and train again",
        )
    run.verify("resolved.yaml")
    for path in sorted(run.code.rglob("*.py")):
        run.verify(path.relative_to(run.path).as_posix())
    return parse_experiment(load_document(run.resolved))
