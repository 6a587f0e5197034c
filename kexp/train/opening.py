"""What a run writes down and shows before its first step."""

import hashlib
import math
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from kexp.custom import code_hashes, kept_code, modules_elsewhere
from kexp.data.load import Datasets
from kexp.graph.assemble import Assembly, known_values
from kexp.graph.checkpoint import pack
from kexp.graph.initial import weights_sha256
from kexp.graph.ports import shape_of
from kexp.preparation import info_as_json, write_preparation
from kexp.protocols import Plan, TensorInfo
from kexp.record.changes import Change
from kexp.record.distributions import requirements
from kexp.record.environment import collect_environment
from kexp.record.files import sha256_of
from kexp.record.git import git_diff
from kexp.record.history import drop_rows_after, write_csv
from kexp.record.manifest import (
    Backend,
    Changed,
    Data,
    Model,
    Sections,
    Spec,
    manifest,
    with_claim,
)
from kexp.record.notes import Notes, write_notes
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import Status, utc_text, write_status
from kexp.spec.canonical import canonical, identity, resolve
from kexp.spec.phases import num_epochs, phases
from kexp.spec.references import custom_names, weight_files, with_custom_names
from kexp.train.callback_state import CallbackState
from kexp.train.execution import Execution
from kexp.train.order import Order
from kexp.train.ready import Ready
from kexp.train.session import Progress, Restart


def begin(run: RunDir, order: Order, ready: Ready, execution: Execution) -> Status:
    """Write down what is about to run."""
    experiment, datasets, assembly = order.experiment, ready.datasets, ready.assembly
    environment = collect_environment(order.argv, order.environ, order.folder, order.started)
    code = kept_code(custom_names(experiment), order.folder)
    run.write_given(order.spec_text, order.bases, code.files)
    resolved = resolve(experiment, order.folder, order.machine.threads)
    resolved = with_custom_names(resolved, lambda name: code.names[name])
    run.write_resolved(canonical(resolved, defaults=True))
    run.write_manifest(manifest(environment, _sections(run, order, ready, execution), order.reproduces))
    write_preparation(run, assembly.preprocessing, assembly.beginnings)
    run.write_requirements(requirements(environment["distributions"]))
    diff = git_diff(order.folder)
    if diff:
        run.write_source_diff(diff)
    run.vouch()
    if experiment.tags:
        write_notes(run, Notes(experiment.tags))
    status = Status(
        "running",
        experiment.name,
        created=order.started,
        started=datetime.now(UTC),
        pid=os.getpid(),
        host=socket.gethostname(),
        samples=datasets.info.sizes,
    )
    write_status(run, status)
    return status


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run to go on with: how it stood, and the state to go on from; None: from the beginning.

    `changes` are the settings that are not what they were, `drift` says what else is not; `differs`: whether
    a run from the start with these settings would be another; `is_own`: this user's key vouched for it.
    """

    status: Status
    restart: Restart | None
    changes: tuple[Change, ...] = ()
    is_own: bool = True
    drift: tuple[str, ...] = ()
    differs: bool = False


def begin_again(run: RunDir, order: Order, unfinished: Unfinished, progress: Progress) -> Status:
    """Take a run back to the state it goes on from, and write down what is changed."""
    run.remove_sums()
    state = None if unfinished.restart is None else unfinished.restart.state
    if state is not None:
        progress.go_on_from(state)
    run.drop_states_after(progress.step)
    drop_rows_after(run, progress.step - progress.offset)
    write_csv(run)
    if progress.best_arrays is not None:
        run.write_best(pack(progress.best_arrays, {"run": run.id, **progress.record()}))
    if unfinished.changes or unfinished.drift:
        _write_changes(run, order, unfinished, progress)
    status = replace(
        unfinished.status,
        state="running",
        name=order.experiment.name,
        ended=None,
        error=None,
        pid=os.getpid(),
        host=socket.gethostname(),
        epoch=progress.epoch,
        step=progress.step,
    )
    write_status(run, status)
    return status


def _write_changes(run: RunDir, order: Order, unfinished: Unfinished, progress: Progress) -> None:
    record, resolved = read_manifest(run), run.resolved.read_bytes()
    if unfinished.changes:
        resolved = canonical(order.experiment, defaults=True).encode()
    changed = Changed(
        time=utc_text(order.started),
        step=progress.step,
        settings=[str(change) for change in unfinished.changes],
        repeats=not unfinished.differs,
        drift=[*unfinished.drift],
    )
    spec = {
        **(record.get("spec") or {}),
        "identity": identity(order.experiment),
        "resolved_sha256": hashlib.sha256(resolved).hexdigest(),
    }
    written = with_claim({**record, "spec": spec, "changed": [*record.get("changed", ()), changed]})
    run.rewrite(written, resolved, unfinished.is_own)


def _sections(run: RunDir, order: Order, ready: Ready, execution: Execution) -> Sections:
    experiment, assembly, data = order.experiment, ready.assembly, ready.datasets
    return Sections(
        spec=_spec(run, order, ready),
        backend=cast(
            Backend,
            {
                **order.machine.details,
                "device": order.machine.device,
                "threads": order.machine.threads,
                "jit_compile": getattr(assembly.model, "jit_compile", None),
                "engine": execution.as_json(),
            },
        ),
        model=Model(
            parameters=_size(assembly.model.weights),
            trainable_parameters=_size(assembly.model.trainable_weights),
            outputs=list(assembly.outputs),
            values=dict(assembly.context.values),
            initial_weights={path: weights_sha256(order.folder / path) for path in weight_files(experiment)},
        ),
        data=cast(
            Data,
            {
                "info": info_as_json(data.info),
                **data.fingerprint.as_json(),
                "notes": [*data.notes, *assembly.notes],
            },
        ),
    )


def _spec(run: RunDir, order: Order, ready: Ready) -> Spec:
    experiment = order.experiment
    names = custom_names(experiment)
    return Spec(
        identity=identity(experiment),
        resolved_sha256=sha256_of(run.resolved),
        seed=experiment.seed or 0,
        name=experiment.name,
        scope=order.scope,
        code=code_hashes(names, order.folder),
        code_elsewhere=modules_elsewhere(names, order.folder),
        unheld=[name for given in ready.callbacks for name in CallbackState(given).unheld()],
    )


def _size(variables: Sequence[Any]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def plan(run: RunDir, order: Order, datasets: Datasets, assembly: Assembly, execution: Execution) -> Plan:
    """Return what the display says before the first step."""
    experiment, model = order.experiment, assembly.model
    first = phases(experiment)[0].experiment
    values = known_values(first, datasets.info)
    return Plan(
        run_id=run.id,
        run_path=run.path,
        name=experiment.name,
        data=experiment.data.source,
        sizes=datasets.info.sizes,
        inputs=tuple(TensorInfo(p.name, shape_of(p, assembly.context), p.dtype) for p in assembly.ports),
        outputs=tuple(_info(name, t) for name, t in assembly.outputs.items()),
        num_parameters=_size(model.weights),
        num_trainable=_size(model.trainable_weights),
        backend=f"{order.machine.backend} {order.machine.details.get(order.machine.backend, '')}".strip(),
        device=order.machine.device,
        threads=order.machine.threads,
        precision=experiment.runtime.precision,
        seed=experiment.seed or 0,
        epochs=num_epochs(experiment),
        batch_size=first.train.batch_size,
        steps_per_epoch=values["steps_per_epoch"],
        notes=(*datasets.notes, *assembly.notes, execution.note),
    )


def _info(name: str, tensor: Any) -> TensorInfo:
    return TensorInfo(name, tuple(tensor.shape[1:]), str(tensor.dtype))
