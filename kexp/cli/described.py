"""A run or a spec, described; no Keras is imported."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kexp.cli.options import runs_folder
from kexp.cli.output import write_output
from kexp.cli.streams import Streams
from kexp.diagnostics import printable, unambiguous
from kexp.errors import RunRefused
from kexp.record.files import read_regular
from kexp.record.history import read_rows
from kexp.record.jsonfile import broken
from kexp.record.level import LEVELS, recorded_claim
from kexp.record.notes import read_notes
from kexp.record.provenance import read_manifest
from kexp.record.query import find_run
from kexp.record.rundir import RunDir
from kexp.record.status import standing, utc_text

if TYPE_CHECKING:
    from kexp.spec.types import Experiment

MAX_TEXT_BYTES = 16 << 20
_WIDEST = 40


def experiment_of(target: str, runs: str | None) -> "Experiment":
    """Return what a spec file or a run's `resolved.yaml` says."""
    from kexp.record.experiment import read_experiment

    if Path(target).suffix in (".yaml", ".yml"):
        from kexp.document import load_document
        from kexp.spec.bases import extend
        from kexp.spec.parse import parse_experiment

        return parse_experiment(extend(load_document(Path(target))).document)
    return read_experiment(find_run(target, runs_folder(runs)))


def draw(streams: Streams, experiment: "Experiment", form: str, output: Path | None) -> None:
    """Write the model as text or picture.

    Raises: UsageError (not-writable).
    """
    from kexp.report.graph import graph_text

    text = graph_text(experiment, form)
    if output is None:
        streams.tell(printable(text))
        return
    write_output(output, f"{text}\n".encode())


def text_of(path: Path, most_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return a file's text; nothing where a run was cut off before it had the file.

    Raises: RunRefused (file-broken).
    """
    try:
        return printable(read_regular(path, most_bytes).decode(errors="replace")).rstrip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None


def record_of(run: RunDir) -> dict[str, Any]:
    status, state = standing(run)
    return {
        "run": run.id,
        "path": str(run.path.absolute()),
        **status.to_json(),
        "state": state,
        "tags": list(read_notes(run).tags),
        "history": [dict(row) for row in read_rows(run)],
    }


def describe(streams: Streams, run: RunDir) -> None:
    facts = [(unambiguous(label), text) for label, text in _facts(run, read_manifest(run))]
    width = min(max(len(label) for label, _ in facts), _WIDEST) + 2
    for label, text in facts:
        streams.tell(f"{label:<{width}}{unambiguous(text)}")


def _facts(run: RunDir, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    status, state = standing(run)
    facts = [("run", run.id), ("state", state)]
    if status.error:
        facts.append(("error", status.error))
    notes = read_notes(run)
    if notes.tags:
        facts.append(("tags", " ".join(notes.tags)))
    facts += [("note", text) for text in notes.notes]
    if status.created:
        facts.append(("created", utc_text(status.created.replace(microsecond=0))))
    facts.append(("epochs", f"{status.epoch}, {status.step} steps, {status.wall_seconds or 0:.1f} s"))
    facts.append(("samples", ", ".join(f"{count:,} {name}" for name, count in status.samples.items())))
    facts += [(name, "nan" if value is None else f"{value:.6g}") for name, value in status.metrics.items()]
    if status.best:
        epoch, monitor = status.best.get("epoch"), status.best.get("monitor")
        facts.append(("best", f"epoch {epoch}, {monitor} {_number(status.best.get('value'))}"))
    facts += _provenance(manifest)
    if not run.evaluations.is_symlink():
        evaluations = sorted(path.name for path in run.evaluations.glob("*.json"))
        facts += [("evaluated", ", ".join(evaluations))] if evaluations else []
    facts.append(("path", str(run.path)))
    return facts + _doubts(run)


def _doubts(run: RunDir) -> list[tuple[str, str]]:
    """Say of a run that is not known to be the user's own what that means, and what in it was changed."""
    try:
        origin = run.origin()
    except RunRefused as error:
        return [("trust", error.diagnostics[0].message)]
    if origin == "own":
        return []
    if origin == "unverified":
        return [("trust", "unverified: it has no SHA256SUMS, and your key does not vouch for it")]
    without = "without --trust no code of it is run, and no file outside it read"
    doubts = [("trust", f"not known to be yours: {without}")]
    for path in (run.status, run.manifest, run.metrics, run.notes):
        try:
            if path.exists():
                run.read(path.name, MAX_TEXT_BYTES)
        except RunRefused as error:
            doubts.append(("doubt", error.diagnostics[0].message))
    return doubts


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value)


def _provenance(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what the manifest says, as far as it was written."""
    model, backend, spec, git = (manifest.get(key) or {} for key in ("model", "backend", "spec", "git"))
    facts: list[tuple[str, str]] = []
    if model:
        number = model.get("parameters")
        facts.append(("model", f"{number:,} parameters" if isinstance(number, int) else "unknown"))
    if backend:
        name = str(backend.get("name"))
        keras = f"{name} {backend.get(name)}, Keras {backend.get('keras')}"
        facts.append(("ran on", f"{keras}, {backend.get('device')}, {backend.get('threads')} threads"))
    if spec:
        facts += [("seed", str(spec.get("seed"))), ("spec", str(spec.get("identity"))[:16])]
    if git:
        changed = " with uncommitted changes" if git.get("dirty") else ""
        facts.append(("code", f"{str(git.get('commit'))[:12]}{changed}"))
    claim = recorded_claim(manifest)
    if claim:
        held = f"{claim.level}, {LEVELS[claim.level]}" if claim.level else "nothing"
        facts += [("promise", held), *(("no more", reason) for reason in claim.why_not)]
    if manifest.get("reproduces"):
        facts.append(("again", f"it reproduces {manifest['reproduces']}"))
    return facts
