"""What a finished training tells: its JSON, and whether it kept its promises."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kexp.diagnostics import Diagnostic
from kexp.errors import PromiseBroken
from kexp.record.jsonfile import told
from kexp.spec.types import Experiment
from kexp.train.order import Result

if TYPE_CHECKING:
    from kexp.cli.streams import Streams


def tell_result(result: Result, streams: "Streams", as_json: bool) -> None:
    """Tell other programs what was trained: JSON where it is asked for, else where the run lies."""
    if as_json:
        streams.tell_json(result_as_json(result))
    elif not streams.out.isatty():
        streams.tell(str(result.run.path))


def result_as_json(result: Result) -> dict[str, Any]:
    """Return the contract of `train --json`: a number that is not finite is null and listed."""
    metrics, lost = told(result.metrics)
    return {
        "schema": 1,
        "run": result.run.id,
        "path": str(result.run.path.absolute()),
        "state": result.state,
        "epochs": result.epochs,
        "metrics": metrics,
        "best": result.best,
        "weights_sha256": result.weights_sha256,
        "wall_seconds": result.wall_seconds,
        **({"nonfinite": lost} if lost else {}),
    }


def check_promises(experiment: Experiment, metrics: Mapping[str, float]) -> None:
    """Raise PromiseBroken (promise-broken) for every line of `expect` that the run does not keep."""
    broken = []
    for promise in experiment.expect:
        value = metrics.get(promise.metric)
        if value is None:
            message = f"`{promise.metric}` was promised {promise}, and the run has no such metric"
        elif not promise.holds(value):
            message = f"`{promise.metric}` was promised {promise}, and is {value:.6g}"
        else:
            continue
        path = f"expect.{promise.metric}"
        span = experiment.document.locate(path) if experiment.document else None
        broken.append(Diagnostic("promise-broken", message, path, span))
    if broken:
        raise PromiseBroken(*broken)
