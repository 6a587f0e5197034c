"""Which metrics an epoch will have, by the names that Keras publishes them under, and who names them.

Source: keras 3.15 `CompileLoss.build`, `CompileMetrics.result`, `MonitorCallback._set_monitor_op`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kexp.diagnostics import Diagnostic, Span
from kexp.errors import did_you_mean
from kexp.spec.labels import snake_case
from kexp.spec.types import Component, Objective, Training

WATCHERS = ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")
"""Callbacks that watch a metric, by default `val_loss`."""

Direction = Literal["min", "max"]
_LESS: Direction = "min"
Named = tuple[str, Direction | None]
"""A metric's name, and what is better, where Keras knows it."""

_MORE_IS_BETTER = (
    *("acc", "accuracy", "binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy"),
    *("topkcategoricalaccuracy", "sparsetopkcategoricalaccuracy", "auc", "precision", "recall"),
    *("precisionatrecall", "recallatprecision", "sensitivityatspecificity", "specificityatsensitivity"),
    *("f1score", "fbetascore", "iou", "binaryiou", "meaniou", "onehotiou", "onehotmeaniou"),
    *("concordancecorrelation", "pearsoncorrelation", "cosinesimilarity", "r2score"),
)
_LESS_IS_BETTER = (
    *("bce", "binarycrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy"),
    *("hinge", "squaredhinge", "categoricalhinge", "kldivergence", "logcosherror", "poisson"),
    *("mae", "meanabsoluteerror", "mape", "meanabsolutepercentageerror", "mse", "meansquarederror"),
    *("msle", "meansquaredlogarithmicerror", "rootmeansquarederror"),
)


Reason = tuple[str, str]
"""Why something is missing, and the way out."""
NO_VAL: Reason = ("the data has no validation split", "add `split: {val: 0.1}` under `data`")
NO_TEST: Reason = ("the data has no test split", "add `split: {test: 0.1}` under `data`")
NEVER_VALIDATED: Reason = ("no epoch is validated", "lower `validation_freq`")


@dataclass(frozen=True, slots=True)
class Published:
    """`is_complete` False: the user's own code may publish more. `unvalidated` and `untested` say why not."""

    directions: Mapping[str, Direction | None]
    is_complete: bool = True
    unvalidated: Reason | None = None
    untested: Reason | None = None
    stage: str | None = None

    def names(self, is_tested: bool) -> list[str]:
        """Return what may be named: what an epoch has, and with `is_tested` what the test split gives."""
        names = [*self.directions]
        validated = [f"val_{name}" for name in names if self.unvalidated is None]
        tested = [f"test_{name}" for name in names if is_tested and self.untested is None]
        return [*names, *validated, "learning_rate", *tested]


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a metric is named. `by` begins the sentence: ``"`EarlyStopping` watches"``."""

    metric: str
    by: str
    path: str
    span: Span | None = None
    has_mode: bool = True
    is_promise: bool = False


def metric_name(metric: Component, names: Counter[str]) -> str:
    """Return the name of a metric that has none of its own; `names` counts those of its output so far."""
    stem = snake_case(metric)
    count = names[stem]
    names[stem] += 1
    return f"{stem}_{count}" if count else stem


def direction(metric: Objective) -> Direction | None:
    """Return what is better, as Keras knows it."""
    kind = (metric.name if isinstance(metric, Component) else metric).replace("_", "").lower()
    return "max" if kind in _MORE_IS_BETTER else "min" if kind in _LESS_IS_BETTER else None


def published(train: Training, outputs: Collection[str]) -> Published:
    """Return the metrics of an epoch; `outputs` are the model's, where there are several."""
    found: dict[str, None] = {"loss": None}
    losses = train.loss if isinstance(train.loss, Mapping) else {}
    lossy = [name for name in outputs if losses.get(name) is not None]
    found |= dict.fromkeys(f"{name}_loss" for name in lossy if len(lossy) > 1)
    named: list[Named] = []
    is_complete = True
    counters: Counter[str] = Counter()
    for output in outputs if len(outputs) > 1 else ("",):
        plain = _of(train.metrics, output)
        weighted = _of(train.weighted_metrics, output)
        names: Counter[str] = Counter()
        is_complete = is_complete and not any(map(_is_unknown, (*plain, *weighted)))
        prefix = f"{output}_" if output else ""
        for metrics, mark in ((plain, ""), (weighted, "weighted_")):
            of_output = [_named(metric, names) for metric in metrics]
            named += of_output
            found |= dict.fromkeys(_unique(prefix, mark, of_output, counters))
    known = {**dict(named), "loss": _LESS}
    return Published({name: known.get(name) for name in found}, is_complete)


def _of(metrics: object, output: str) -> Sequence[Objective]:
    """Return the metrics of one output; all of them for the only output."""
    if not isinstance(metrics, Mapping):
        return metrics if isinstance(metrics, tuple) else ()
    if output:
        return tuple(metrics.get(output) or ())
    return tuple(metric for listed in metrics.values() for metric in listed)


def _is_unknown(metric: Objective) -> bool:
    name = (metric.options or {}).get("name", "") if isinstance(metric, Component) else ""
    return isinstance(metric, Component) and (metric.is_custom or not isinstance(name, str))


def _named(metric: Objective, names: Counter[str]) -> Named:
    if isinstance(metric, str):
        return metric, direction(metric)
    own = (metric.options or {}).get("name")
    return own if isinstance(own, str) else metric_name(metric, names), direction(metric)


def _unique(prefix: str, mark: str, named: Sequence[Named], counters: Counter[str]) -> Iterator[str]:
    """Yield names as Keras makes them unique: a taken one gets its mark, then a number."""
    for name, _ in named:
        given = f"{prefix}{name}"
        if mark and counters[given]:
            given = f"{prefix}{mark}{name}"
        number = counters[given]
        counters[given] += 1
        yield f"{given}_{number}" if number else given


def unpublished(
    watches: Sequence[Watch], found: Published, others: Sequence[Published] = ()
) -> Iterator[Diagnostic]:
    """Yield a fault for every metric that is not found, or whose direction Keras cannot know.

    `others` are the metrics of other stages: a message tells this stage from one that has what is watched.
    """
    for watch in watches:
        metric, known = watch.metric, found.names(watch.is_promise)
        of_val, of_test = metric.startswith("val_"), watch.is_promise and metric.startswith("test_")
        missing = found.unvalidated if of_val else found.untested if of_test else None
        bare = metric.removeprefix("val_")
        if missing is not None:
            reason, remedy = missing
            id = "no-validation" if of_val else "no-test-split"
            instead = f"{'promise' if watch.is_promise else 'watch'} `{metric.partition('_')[2]}`"
            message = f"{watch.by} `{metric}`, and {reason}"
            yield Diagnostic(id, message, watch.path, watch.span, f"{remedy}, or {instead}")
        elif metric not in known and found.is_complete and not metric.startswith("learning_rate"):
            only_here = any(metric in other.names(watch.is_promise) for other in others)
            stage = f" in the stage `{found.stage}`" if only_here else ""
            message = f"there will be no metric `{metric}`{stage}"
            yield Diagnostic("unknown-monitor", message, watch.path, watch.span, _meant(metric, known))
        elif not watch.has_mode and found.directions.get(bare) is None and found.is_complete:
            message = f"Keras does not know whether more or less of `{metric}` is better"
            help = "add `mode: max` or `mode: min` beside it"
            yield Diagnostic("monitor-mode", message, watch.path, watch.span, help)


def _meant(metric: str, known: Sequence[str]) -> str:
    """Return a help line: a name that begins like this one, such as `val_acc`, comes first."""
    longer = next((f"did you mean `{name}`?" for name in known if name.startswith(metric)), None)
    listed = ", ".join(f"`{name}`" for name in known)
    return longer or did_you_mean(metric, known) or f"there will be {listed}"
