"""`--smoke`: the real experiment end to end in seconds, and proof that what was saved comes back."""

from dataclasses import replace
from pathlib import Path

from kexp.data.experiment import load_data
from kexp.data.load import Datasets
from kexp.data.smoke import made_up, reduced
from kexp.diagnostics import Diagnostic
from kexp.errors import RunFailed, SpecError
from kexp.evaluate.rebuilt import rebuild
from kexp.graph.assemble import context_of
from kexp.graph.build import build_model, output_tensors
from kexp.graph.labels import loss_of
from kexp.protocols import DataInfo, TensorInfo
from kexp.record.rundir import RunDir
from kexp.spec.losses import kind_of
from kexp.spec.types import Experiment
from kexp.train.measuring import measure
from kexp.train.order import Scope

NUM_STEPS = 2


def smoke_data(experiment: Experiment, folder: Path, scope: Scope) -> Datasets:
    """Return a few samples of the real data, or made-up ones of the declared shapes.

    Raises: SpecError (no-declared-inputs, needs-data).
    """
    num_samples = NUM_STEPS * experiment.train.batch_size
    if scope == "smoke":
        return reduced(load_data(experiment, folder), num_samples)
    if experiment.preprocess:
        message = "`--no-data` makes numbers, and `preprocess` learns from real data"
        help = "`--smoke` alone takes a few samples of the data"
        raise SpecError(Diagnostic("needs-data", message, "preprocess", help=help))
    inputs = _declared(experiment)
    info = DataInfo(inputs, (), {}, {}, {"train": num_samples})
    model = build_model(experiment, info, context_of(experiment, info, folder)).model
    targets, num_classes = [], {}
    for name, tensor in output_tensors(model).items():
        target, classes = _target(experiment, name, tuple(tensor.shape[1:]))
        targets.append(target)
        if classes:
            num_classes[name] = classes
    return made_up(inputs, targets, num_classes, num_samples, experiment.seed or 0)


def _declared(experiment: Experiment) -> tuple[TensorInfo, ...]:
    ports = experiment.graph.inputs if experiment.graph else None
    if ports is None or any(port.shape is None for port in ports):
        raise SpecError(
            Diagnostic(
                "no-declared-inputs",
                "`--no-data` makes data of the declared shapes, and `model.inputs` declares none",
                "model",
                help="declare `inputs: {NAME: [SIZES]}` under `model`",
            )
        )
    return tuple(
        TensorInfo(p.column, tuple(s if isinstance(s, int) else None for s in p.shape or ()), p.dtype)
        for p in ports
    )


def _target(
    experiment: Experiment, name: str, shape: tuple[int | None, ...]
) -> tuple[TensorInfo, int | None]:
    """Return the target that an output's loss wants, and its number of classes."""
    loss = loss_of(experiment, name)
    match "" if loss is None else kind_of(loss):
        case "sparsecategoricalcrossentropy":
            return TensorInfo(name, shape[:-1], "int32"), shape[-1]
        case "binarycrossentropy" | "binaryfocalcrossentropy":
            return TensorInfo(name, shape, "int32"), 2
        case _:
            return TensorInfo(name, shape, "float32"), None


def shortened(experiment: Experiment) -> Experiment:
    """Return the experiment with one epoch of two steps, in every stage."""
    stages = tuple(replace(stage, epochs=1) for stage in experiment.train.stages)
    train = replace(experiment.train, epochs=1, steps_per_epoch=NUM_STEPS, validation_freq=1, stages=stages)
    return replace(experiment, train=train)


def check_reload(run: RunDir, datasets: Datasets, metrics: dict[str, float]) -> None:
    """Rebuild the model from the run directory and compare what it measures.

    Raises: RunFailed (reload-differs).
    """
    rebuilt = rebuild(run, "best", trust=True)
    if "test" not in datasets.splits:
        return
    again = measure(rebuilt.assembly, datasets.splits["test"], rebuilt.batch_size)
    for name, value in again.items():
        if metrics[f"test_{name}"] != value:
            raise RunFailed.because(
                "reload-differs",
                f"`test_{name}` was {metrics[f'test_{name}']!r}, and the saved model gives {value!r}",
            )
