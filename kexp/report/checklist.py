"""A run -> the checklist that conferences ask for, filled in from what the run recorded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from kexp.diagnostics import printable
from kexp.record.jsonfile import json_text
from kexp.record.level import LEVELS, recorded_claim
from kexp.record.repeats import Repeat, one_per_seed
from kexp.record.status import Status
from kexp.report.diagnostics import counted
from kexp.report.differences import shown
from kexp.report.size import sized

_MOST_FILES = 20
_OPEN = "*to be answered by the authors*"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run says of itself. `settings` are by path, each with where it comes from."""

    id: str
    manifest: Mapping[str, Any]
    status: Status
    settings: Mapping[str, tuple[object, str]]
    repeats: Sequence[Repeat] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One question; without an answer it is the authors'."""

    question: str
    answer: str = ""
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark, answer = ("x", self.answer) if self.answer else (" ", _OPEN)
        lines = (f"  {line}".rstrip() for line in self.lines)
        return "\n".join([f"- [{mark}] **{self.question}** {answer}", *lines])


def checklist(run: Recorded) -> str:
    """Return Markdown: what is known is ticked and filled in, the rest is left to the authors."""
    parts = [
        ("Experiment", _experiment(run)),
        ("Data", _data(run)),
        ("Training", _training(run)),
        ("Results", _results(run)),
        ("Compute", _compute(run)),
        ("Reproduction", _reproduction(run)),
    ]
    text = [f"# Reproducibility checklist of `{run.id}`"]
    text += [f"\n## {title}\n\n" + "\n".join(map(str, items)) for title, items in parts]
    return printable("\n".join(text))


# ---------------------------------------------------------------- the sections


def _experiment(run: Recorded) -> Iterator[Item]:
    spec, model = _map(run.manifest, "spec"), _map(run.manifest, "model")
    yield Item("What is claimed, and which result supports it?")
    yield Item("Limits of the method, and assumptions it makes?")
    digest = spec.get("resolved_sha256")
    yield Item("What was trained?", f"`resolved.yaml` of the run, sha256 `{digest}`" if digest else "")
    files = tuple(f"- `{name}` sha256 `{digest}`" for name, digest in _map(spec, "code").items())
    kept = f"{counted(len(files), 'file')}, kept in `code/`" if files else "none, Keras alone"
    yield Item("Own code?", kept if spec else "", files)
    total, learnt = (_count(model.get(key)) for key in ("parameters", "trainable_parameters"))
    yield Item("Parameters of the model?", f"{total}, of which {learnt} are trained" if total else "")


def _data(run: Recorded) -> Iterator[Item]:
    data = _map(run.manifest, "data")
    named = [str(run.settings[key][0]) for key in ("data.source", "data.dataset") if key in run.settings]
    files = [file for file in data.get("files") or () if isinstance(file, Mapping)]
    lines = [f"- `{file.get('path')}` sha256 `{file.get('sha256')}`" for file in files[:_MOST_FILES]]
    left = len(files) - _MOST_FILES
    more = [f"- and {left:,} more, in `manifest.json`"] if left > 0 else []
    yield Item("Where does the data come from?", ", ".join(f"`{name}`" for name in named), (*lines, *more))
    yield Item("Licence of the data, and consent of those it is about?")
    hashes = [_map(data, key) for key in ("content_sha256", "index_sha256")]
    rows = [
        (split, _count(size), *(f"`{str(known.get(split))[:16]}`" for known in hashes))
        for split, size in _map(_map(data, "info"), "sizes").items()
    ]
    how = _settings(run, "data.split.") or ("as the source gives them" if rows else "")
    table = _table(("split", "samples", "sha256 of the samples", "of the rows chosen"), rows)
    yield Item("Which splits?", how, table)
    prepared = [path for path in run.settings if path.startswith(("preprocess.", "augment."))]
    steps = ", ".join(f"`{step}`" for step in dict.fromkeys(".".join(p.split(".")[:2]) for p in prepared))
    learnt = f"{steps}; what is learnt is learnt from the training split alone"
    none = "none outside the model" if run.settings else ""
    yield Item("Preparation and augmentation?", learnt if steps else none)


def _training(run: Recorded) -> Iterator[Item]:
    chosen = {path: found for path, found in run.settings.items() if path.startswith(("train.", "runtime."))}
    rows = [(f"`{path}`", f"`{_written(value)}`", whence) for path, (value, whence) in chosen.items()]
    yield Item(
        "Which hyper-parameters, and where is each from?",
        f"{counted(len(rows), 'setting')}; those of layers are in `resolved.yaml`" if rows else "",
        _table(("setting", "value", "from"), rows),
    )
    yield Item("How were they chosen: which values were tried, by which rule?")
    seed = _map(run.manifest, "spec").get("seed")
    split = run.settings.get("data.split.seed")
    also = f"; that of the split is {split[0]}" if split else ""
    known = f"{seed}, from which all others come by the layers' names{also}"
    yield Item("Which seeds?", known if isinstance(seed, int) else "")


def _results(run: Recorded) -> Iterator[Item]:
    status, best = run.status, run.status.best or {}
    rows = [
        (f"`{name}`", "not finite" if value is None else shown(value))
        for name, value in status.metrics.items()
    ]
    trained = f"after {counted(status.epoch, 'epoch')}" if rows else ""
    yield Item("Which numbers?", trained, _table(("metric", "value"), rows))
    how = (
        f"the best `{best.get('monitor')}`, {shown(best.get('value'))}" if best.get("monitor") else "the last"
    )
    yield Item("Which weights are measured?", f"those of epoch {best.get('epoch')}: {how}" if best else "")
    yield _repeated(run.repeats)


def _repeated(repeats: Sequence[Repeat]) -> Item:
    seeds = one_per_seed(repeats)
    ran = f"{counted(len(repeats), 'run')} with {counted(len(seeds), 'seed')}"
    question = "Over how many runs, with which spread?"
    if len(seeds) < 2:
        return Item(question, "", (f"{ran}, which tells no spread",))
    spread = [*_spread(seeds)]
    table = _table(("metric", "mean ± sd", "lowest", "highest"), spread)
    if not any(lowest for _, _, lowest, _ in spread):
        return Item(question, "", (f"{ran}, none of whose metrics is finite with every seed", *table))
    one_each = "" if len(seeds) == len(repeats) else ", one run of each seed"
    return Item(
        question, f"{ran}, of the same spec, code and data; mean ± standard deviation{one_each}", table
    )


def _compute(run: Recorded) -> Iterator[Item]:
    backend, cpu, python = (_map(run.manifest, name) for name in ("backend", "cpu", "python"))
    device = f"{backend.get('device')}; CPU {cpu.get('model')}, {backend.get('threads')} threads"
    total = _map(run.manifest, "memory").get("total_bytes")
    room = f"; {sized(total)} of memory" if isinstance(total, int) else ""
    yield Item("On which machine?", f"{device}{room}" if backend else "")
    seconds, peak = run.status.wall_seconds, run.status.peak_memory_bytes
    took = "" if seconds is None else f"{seconds:,.1f} s from start to end"
    yield Item(
        "How long, and with how much memory?", f"{took}, {sized(peak)} at most" if took and peak else took
    )
    yield Item("Compute of all that was tried, failed runs too?")
    yield Item("Energy?", "", ("it was not measured",))
    name = str(backend.get("name"))
    known = {"Python": python.get("version"), "kexp": run.manifest.get("kexp"), "Keras": backend.get("keras")}
    known |= {name: backend.get(name), "numpy": backend.get("numpy")}
    told = ", ".join(f"{package} {version}" for package, version in known.items() if version)
    changed = tuple(
        f"- `{package.get('name')}` is installed from a checkout with uncommitted changes"
        for package in run.manifest.get("distributions") or ()
        if package.get("diff_sha256")
    )
    yield Item("Which versions?", f"{told}; all others are in `requirements.txt`" if backend else "", changed)


def _reproduction(run: Recorded) -> Iterator[Item]:
    commands = ("```sh", "pip install -r requirements.txt", f"kexp reproduce {run.id} --seeds 5", "```")
    refused = _why_not_again(run)
    if refused:
        yield Item("How is it trained again?", "", (f"`kexp reproduce` refuses it: {refused}",))
    else:
        needed = "from the run directory and the same data, with `--data PATH` where that lies elsewhere:"
        yield Item("How is it trained again?", needed, commands)
    claim = recorded_claim(run.manifest)
    level = claim.level if claim else None
    reasons = tuple(f"- no more: {why}" for why in claim.why_not) if claim else ()
    yield Item("What is promised then?", f"{level}, {LEVELS[level]}" if level else "", reasons)
    git = _map(run.manifest, "git")
    changed = " with the changes in `source.diff`" if git.get("dirty") else ""
    commit = git.get("commit")
    yield Item("Which state of the sources?", f"commit `{commit}`{changed}" if commit else "")
    yield Item("Where can others get code, data and run?")


def _why_not_again(run: Recorded) -> str:
    spec = _map(run.manifest, "spec")
    if not spec:
        return "it has no manifest of what was trained"
    if run.status.state != "completed":
        return f"its training is not completed, but {run.status.state}"
    return "" if spec.get("scope", "full") == "full" else "it is a smoke run"


# ---------------------------------------------------------------- words


def _spread(repeats: Sequence[Repeat]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each metric; one that diverged with some seeds has no mean to be compared."""
    for name in dict.fromkeys(name for repeat in repeats for name in repeat.metrics):
        values = [value for repeat in repeats if (value := repeat.metrics.get(name)) is not None]
        diverged = len(repeats) - len(values)
        if diverged:
            yield f"`{name}`", f"not finite with {diverged} of {counted(len(repeats), 'seed')}", "", ""
        else:
            middle = f"{mean(values):.4g} ± {stdev(values):.2g}"
            yield f"`{name}`", middle, shown(min(values)), shown(max(values))


def _settings(run: Recorded, start: str) -> str:
    found = ((path, value) for path, (value, _) in run.settings.items() if path.startswith(start))
    return ", ".join(f"{path.removeprefix(start)} {_written(value)}" for path, value in found)


def _written(value: object) -> str:
    """Return a value as YAML has it."""
    return shown(value if isinstance(value, str) else json_text(value))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells] if cells else []
    return ("", *(f"| {' | '.join(line)} |" for line in lines), "") if lines else ()


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _map(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}
