"""Where the time of a run went, on one screen, and what to change."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from kexp.spec.types import Experiment
from kexp.train.profile import Kind, Profile, Shares

if TYPE_CHECKING:
    from kexp.train.engine.choice import Choice

MUCH = 0.2
"""Of the training, without start and end: what is worth a change."""

SHORT_STEP_SECONDS = 0.002
_TOLD_SECONDS = 0.001

_MEANING: dict[Kind, str] = {
    "start": "",
    "compile": "tracing and compiling",
    "compute": "steps",
    "input": "waiting for data",
    "validation": "",
    "callbacks": "",
    "checkpoints": "",
    "Keras": "`fit` around all this",
    "profiler": "the backend's trace of one segment",
    "ending": "test split, model.keras, checksums",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the advice depends on besides the time."""

    experiment: Experiment
    choice: "Choice"
    device: str = "cpu"


def summary(profile: Profile, experiment: Experiment, device: str) -> list[str]:
    """Return the lines of the table and the advice, and where the trace is; none before a run began."""
    if profile.choice is None:
        return []
    shares = profile.shares()
    lines = [*_table(shares), "", "what to change"]
    lines += [f"  {line}" for line in advice(shares, Told(experiment, profile.choice, device))]
    if profile.trace is not None:
        lines += ["", f"trace    {profile.trace}, for https://ui.perfetto.dev"]
    if profile.device is not None and profile.device.has_traced:
        lines.append(
            f"         `tensorboard --logdir {profile.device.folder}` shows the operations of one segment"
        )
    return lines


def _table(shares: Shares) -> Iterator[str]:
    yield f"where {_time(shares.total)} went"
    for kind in get_args(Kind):
        seconds = shares.of(kind)
        yield _line(kind, seconds, shares.total, _details(shares, kind))
    rest = shares.total - sum(shares.own.values())
    yield _line("elsewhere", rest, shares.total, "")
    for (_, name), seconds in shares.beside.items():
        yield f"  beside it    {_time(seconds):>8}        {name}, in a thread of its own"


def _line(what: str, seconds: float, total: float, details: str) -> str:
    return f"  {what:<12} {_time(seconds):>8}  {seconds / total:>4.0%}  {details}".rstrip()


def _details(shares: Shares, kind: Kind) -> str:
    if kind == "compute" and shares.num_steps:
        return f"{shares.num_steps:,} steps, {_time(shares.of('compute') / shares.num_steps)} each"
    if _MEANING[kind]:
        return _MEANING[kind]
    longest = [(name, seconds) for name, seconds in shares.named(kind)[:3] if seconds >= _TOLD_SECONDS]
    return ", ".join(f"{name} {_time(seconds)}" for name, seconds in longest)


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.0f} us"
    return f"{1e3 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


# ---------------------------------------------------------------- advice


def advice(shares: Shares, told: Told) -> list[str]:
    """Say what would make this run faster, the most telling first."""
    found = [*_of_training(shares, told)]
    around = shares.of("start", "ending")
    if around > 0.5 * shares.total and not found:
        found.append("nothing: most of the time is start and end, which more epochs do not lengthen")
    return found or ["nothing that shows here: the time is that of the steps themselves"]


def _of_training(shares: Shares, told: Told) -> Iterator[str]:
    training = shares.total - shares.of("start", "ending")
    train = told.experiment.train
    if told.choice.mode == "single":
        yield f"steps run one by one, since {told.choice.reason}; without that they are compiled together"
    if shares.of("input") > MUCH * training:
        yield f"the steps wait for data: {_input(told)}"
    for name, seconds in shares.named("callbacks"):
        if seconds > 0.05 * training:
            yield f"`{name}` takes {seconds / training:.0%} of the training: do less there, or more seldom"
    if shares.of("checkpoints") > MUCH * training:
        yield "checkpoints come often: a longer `train.checkpoint.every`, such as `10 minutes`"
    if shares.of("validation") > 0.4 * training:
        yield f"validation is a large part: `validation_freq: {5 * train.validation_freq}` has it less often"
    if shares.of("compile") > 0.4 * training and told.experiment.runtime.jit_compile:
        yield "most of the training is compiling by XLA: it is for longer trainings; drop `jit_compile: true`"
    precision = told.experiment.runtime.precision
    if told.device == "cpu" and precision in ("float16", "mixed_float16"):
        yield f"a CPU is slow at `{precision}`: `precision: float32` is faster there, or `mixed_bfloat16`"
    if _has_short_steps(shares, training):
        yield f"the steps are short: a `batch_size` above {train.batch_size} has fewer and fuller ones"
        runtime = told.experiment.runtime
        if told.device == "cpu" and runtime.backend in ("tensorflow", "jax") and runtime.threads != 1:
            yield "`runtime.threads: 1` is often faster for short steps on a CPU; it may change the last bits"


def _input(told: Told) -> str:
    if told.choice.mode == "streamed" and told.experiment.data.cache == "none":
        return "`data: {cache: disk}`, or `memory` if they fit there, reads them once"
    if told.choice.mode == "streamed":
        return "`data: {cache: memory}` keeps them on the device, if they fit there"
    return "a larger `batch_size` takes more rows at once"


def _has_short_steps(shares: Shares, training: float) -> bool:
    compute = shares.of("compute")
    return compute > 0.3 * training and compute < SHORT_STEP_SECONDS * shares.num_steps
