"""What a run writes down and shows before its first step."""

import math
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kexp.custom import code_hashes, kept_code
from kexp.data.load import Datasets
from kexp.evaluate import info_as_json
from kexp.graph.assemble import Assembly, known_values
from kexp.graph.initial import weights_sha256
from kexp.graph.ports import shape_of
from kexp.protocols import Plan, TensorInfo
from kexp.record.manifest import collect_environment, git_diff, manifest, requirements
from kexp.record.notes import Notes, write_notes
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.spec.canonical import canonical, identity, resolve
from kexp.spec.phases import num_epochs, phases
from kexp.spec.references import custom_names, weight_files, with_custom_names
from kexp.train.order import Order


def begin(run: RunDir, order: Order, datasets: Datasets, assembly: Assembly) -> Status:
    """Write down what is about to run."""
    experiment = order.experiment
    environment = collect_environment(order.argv, order.environ, order.folder, order.started)
    run.write_spec(order.spec_text)
    for relative, data in order.bases.items():
        run.write_spec_base(relative, data)
    code = kept_code(custom_names(experiment), order.folder)
    for relative, data in code.files.items():
        run.write_code(relative, data)
    resolved = resolve(experiment, order.folder, order.machine.threads)
    resolved = with_custom_names(resolved, lambda name: code.names[name])
    run.write_resolved(canonical(resolved, defaults=True))
    run.write_manifest(manifest(environment, _sections(order, datasets, assembly)))
    run.write_requirements(requirements(environment["distributions"]))
    diff = git_diff(order.folder)
    if diff:
        run.write_source_diff(diff)
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


def _sections(order: Order, datasets: Datasets, assembly: Assembly) -> dict[str, dict[str, Any]]:
    experiment, model = order.experiment, assembly.model
    return {
        "spec": {
            "identity": identity(experiment),
            "seed": experiment.seed,
            "name": experiment.name,
            "code": code_hashes(custom_names(experiment), order.folder),
        },
        "backend": {
            **order.machine.details,
            "device": order.machine.device,
            "threads": order.machine.threads,
            "jit_compile": getattr(model, "jit_compile", None),
        },
        "model": {
            "parameters": _size(model.weights),
            "trainable_parameters": _size(model.trainable_weights),
            "outputs": list(assembly.outputs),
            "values": dict(assembly.context.values),
            "initial_weights": {
                path: weights_sha256(order.folder / path) for path in weight_files(experiment)
            },
        },
        "data": {"info": info_as_json(datasets.info), **datasets.fingerprint.as_json()},
    }


def _size(variables: Sequence[Any]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def plan(run: RunDir, order: Order, datasets: Datasets, assembly: Assembly) -> Plan:
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
    )


def _info(name: str, tensor: Any) -> TensorInfo:
    return TensorInfo(name, tuple(tensor.shape[1:]), str(tensor.dtype))
