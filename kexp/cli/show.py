"""`kexp show`: a run, or what a spec comes to."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kexp.cli.options import JsonOption, RunsOption, runs_folder, streams_of
from kexp.cli.streams import Streams
from kexp.diagnostics import printable
from kexp.document import load_document
from kexp.errors import UsageError
from kexp.record.experiment import read_experiment
from kexp.record.files import write_atomically
from kexp.record.history import read_rows
from kexp.record.jsonfile import read_object
from kexp.record.notes import read_notes
from kexp.record.query import find_run
from kexp.record.rundir import RunDir
from kexp.record.status import Status, derive_state, read_status, utc_text
from kexp.spec.bases import extend
from kexp.spec.canonical import canonical
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment


class GraphForm(StrEnum):
    text = "text"
    mermaid = "mermaid"
    svg = "svg"


def show(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="RUN|SPEC", help="A run as in `kexp evaluate`, or a YAML file.")
    ],
    resolved: Annotated[bool, typer.Option("--resolved", help="The spec with every default.")] = False,
    env: Annotated[bool, typer.Option("--env", help="The environment: the manifest.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Every epoch's metrics, as CSV.")] = False,
    graph: Annotated[GraphForm | None, typer.Option("--graph", help="The model, drawn.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where the drawing goes instead of stdout."),
    ] = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Describe a run or a spec, without importing Keras."""
    streams = streams_of(context)
    if output is not None and graph is None:
        raise typer.BadParameter("-o is for --graph", param_hint="-o")
    if graph is not None:
        _draw(streams, _experiment(target, runs), graph, output)
        return
    if Path(target).suffix in (".yaml", ".yml"):
        streams.tell(canonical(_experiment(target, runs), defaults=resolved).rstrip())
        return
    run = find_run(target, runs_folder(runs))
    if resolved:
        streams.tell(_text(run.resolved))
    elif env:
        streams.tell_json(read_object(run.manifest) or {}, indent=2)
    elif metrics:
        streams.tell(_text(run.metrics_csv))
    elif as_json:
        streams.tell_json(_as_json(run))
    else:
        _describe(streams, run)


def _experiment(target: str, runs: str | None) -> Experiment:
    """Return what a spec file or a run's `resolved.yaml` says."""
    if Path(target).suffix in (".yaml", ".yml"):
        return parse_experiment(extend(load_document(Path(target))).document)
    return read_experiment(find_run(target, runs_folder(runs)))


def _draw(streams: Streams, experiment: Experiment, form: GraphForm, output: Path | None) -> None:
    """Write the model as text or picture.

    Raises: UsageError (not-writable).
    """
    from kexp.report.graph import graph_text

    text = graph_text(experiment, form.value)
    if output is None:
        streams.tell(text)
        return
    try:
        write_atomically(output, f"{text}\n".encode())
    except OSError as error:
        message = f"`{output}` cannot be written: {error.strerror}"
        raise UsageError.because("not-writable", message) from None


def _text(path: Path) -> str:
    """Return a file's text; nothing where a run was cut off before it had the file."""
    return printable(path.read_text()).rstrip() if path.is_file() else ""


def _as_json(run: RunDir) -> dict[str, Any]:
    status = read_status(run)
    return {
        "run": run.id,
        "path": str(run.path.absolute()),
        **status.to_json(),
        "state": derive_state(status, run.is_locked()),
        "tags": list(read_notes(run).tags),
        "history": [dict(row) for row in read_rows(run)],
    }


def _describe(streams: Streams, run: RunDir) -> None:
    status = read_status(run)
    manifest = read_object(run.manifest) or {}
    facts = _facts(run, status, manifest)
    width = max(len(label) for label, _ in facts) + 2
    for label, text in facts:
        streams.tell(f"{label:<{width}}{printable(text)}")


def _facts(run: RunDir, status: Status, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [("run", run.id), ("state", derive_state(status, run.is_locked()))]
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
    evaluations = sorted(path.name for path in run.evaluations.glob("*.json"))
    if evaluations:
        facts.append(("evaluated", ", ".join(evaluations)))
    facts.append(("path", str(run.path)))
    return facts


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(value)


def _provenance(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what the manifest says, as far as it was written."""
    model, backend, spec, git = (manifest.get(key) or {} for key in ("model", "backend", "spec", "git"))
    facts: list[tuple[str, str]] = []
    if model:
        facts.append(("model", f"{model.get('parameters', 0):,} parameters"))
    if backend:
        name = backend.get("name")
        keras = f"{name} {backend.get(name)}, Keras {backend.get('keras')}"
        facts.append(("ran on", f"{keras}, {backend.get('device')}, {backend.get('threads')} threads"))
    if spec:
        facts += [("seed", str(spec.get("seed"))), ("spec", str(spec.get("identity"))[:16])]
    if git:
        changed = " with uncommitted changes" if git.get("dirty") else ""
        facts.append(("code", f"{str(git.get('commit'))[:12]}{changed}"))
    return facts
