"""Find runs: list them, and turn what a user typed into one."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from pathlib import Path

from kexp.errors import NotFound, RunRefused, listed
from kexp.record.notes import read_notes
from kexp.record.rundir import RunDir
from kexp.record.runid import RunId, slug
from kexp.record.status import standing

NUM_NEAREST = 3

_LARGER_IS_BETTER = re.compile("acc|auc|precision|recall|f1|top|iou|r2", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """`problem` says why a directory could not be read; the other fields are then what its name tells."""

    id: str
    path: Path
    name: str
    state: str
    created: datetime
    tags: tuple[str, ...]
    metrics: Mapping[str, float | None]
    epochs: int
    problem: str | None = None


def larger_is_better(metric: str) -> bool:
    """Guess from a metric's name in which direction it improves."""
    return _LARGER_IS_BETTER.search(metric) is not None


def runs_root(option: str | None, environ: Mapping[str, str]) -> Path:
    return Path(option or environ.get("KEXP_RUNS") or "runs").expanduser()


def list_runs(root: Path) -> list[RunSummary]:
    """Return the runs below `root`, newest first."""
    summaries = [_summary(run) for run in _runs(root)]
    return sorted(summaries, key=lambda s: (s.created, s.id), reverse=True)


def find_run(reference: str, root: Path) -> RunDir:
    """Return the run of this path, id, tail or prefix; `latest[:NAME]`, `best:METRIC[:max|min]`, `tag:X`.

    Raises: run-not-found, run-ambiguous, runs-not-readable
    """
    if reference and RunDir(Path(reference)).is_run:
        return RunDir(Path(reference).resolve())
    runs = list(_runs(root))
    if not runs:
        help = "start one with `kexp train SPEC`"
        raise NotFound.because("run-not-found", f"there are no runs in `{root}`", help=help)
    return _by_id(reference, runs) or _by_keyword(reference, list_runs(root))


def _runs(root: Path) -> Iterator[RunDir]:
    try:
        yield from (run for run in map(RunDir, root.iterdir()) if run.is_run)
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"the runs in `{root}` cannot be read: {error.strerror}"
        help = "name another folder with `--runs DIR` or `KEXP_RUNS`"
        raise RunRefused.because("runs-not-readable", message, help=help) from None


def _summary(run: RunDir) -> RunSummary:
    known = RunId.parse(run.id)
    name = known.slug if known else run.id
    created = known.moment if known else _made(run.path)
    try:
        (status, state), notes = standing(run), read_notes(run)
    except RunRefused as error:
        problem = error.diagnostics[0].message
        return RunSummary(run.id, run.path, name, "unreadable", created, (), {}, 0, problem)
    return RunSummary(
        id=run.id,
        path=run.path,
        name=status.name or name,
        state=state,
        created=status.created or created,
        tags=notes.tags,
        metrics=status.metrics,
        epochs=status.epoch,
    )


def _made(path: Path) -> datetime:
    """Return when a folder last changed; one that was taken away meanwhile, never."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.fromtimestamp(0, UTC)


# ---------------------------------------------------------------- references


def _by_id(reference: str, runs: Iterable[RunDir]) -> RunDir | None:
    """Return the run whose id, else tail, else start of the id is the reference."""
    if not reference:
        return None
    known = {run.id: run for run in runs}
    tails = [id for id in known if (parsed := RunId.parse(id)) and parsed.tail == reference]
    starts = [id for id in known if id.startswith(reference)]
    matches = [reference] if reference in known else tails or starts
    return known[_only(reference, sorted(matches, reverse=True))] if matches else None


def _by_keyword(reference: str, runs: Sequence[RunSummary]) -> RunDir:
    keyword, _, argument = reference.partition(":")
    if reference == "latest":
        return RunDir(runs[0].path)
    if keyword == "latest" and argument:
        return _latest(argument, runs)
    if keyword == "best" and argument:
        return _best(argument, runs)
    if keyword == "tag" and argument:
        return _tagged(reference, argument, runs)
    raise NotFound.because("run-not-found", f"no run is `{reference}`", help=_nearest(reference, runs))


def _latest(name: str, runs: Sequence[RunSummary]) -> RunDir:
    named = [run for run in runs if slug(run.name) == slug(name)]
    if not named:
        raise NotFound.because("run-not-found", f"no run is named `{name}`", help=_nearest(name, runs))
    return RunDir(named[0].path)


def _best(argument: str, runs: Sequence[RunSummary]) -> RunDir:
    """Return the run with the best value; of equals the newest."""
    metric, _, mode = argument.rpartition(":")
    if mode not in ("max", "min"):
        metric, mode = argument, "max" if larger_is_better(argument) else "min"
    values = {run.path: value for run in runs if (value := run.metrics.get(metric)) is not None}
    if not values:
        known = sorted({name for run in runs for name in run.metrics})
        help = f"the metrics are {listed(known)}" if known else "no run has metrics yet"
        raise NotFound.because("run-not-found", f"no run has a value of the metric `{metric}`", help=help)
    choose = max if mode == "max" else min
    return RunDir(choose(values, key=values.__getitem__))


def _tagged(reference: str, tag: str, runs: Sequence[RunSummary]) -> RunDir:
    tagged = {run.id: run for run in runs if tag in run.tags}
    if not tagged:
        known = sorted({name for run in runs for name in run.tags})
        help = f"the tags are {listed(known)}" if known else "`kexp train SPEC --tag TAG` gives a run one"
        raise NotFound.because("run-not-found", f"no run has the tag `{tag}`", help=help)
    return RunDir(tagged[_only(reference, list(tagged))].path)


def _only(reference: str, ids: Sequence[str]) -> str:
    if len(ids) > 1:
        message = f"`{reference}` is any of {len(ids)} runs; expected one"
        raise NotFound.because("run-ambiguous", message, help=f"the newest first: {listed(ids)}")
    return ids[0]


def _nearest(reference: str, runs: Sequence[RunSummary]) -> str:
    matcher = SequenceMatcher(b=reference)

    def likeness(run: RunSummary) -> float:
        ratios = []
        for text in (run.id, run.name, run.id.rpartition("-")[2]):
            matcher.set_seq1(text)
            ratios.append(matcher.ratio())
        return max(ratios)

    nearest = sorted(runs, key=likeness, reverse=True)[:NUM_NEAREST]
    return f"the nearest are {listed([run.id for run in nearest])}; `kexp ls` shows all"
