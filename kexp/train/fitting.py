"""One phase of a training: Keras's own loop over our batches, between our callbacks."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import keras

from kexp.custom import has_user_frames, user_traceback
from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, RunFailed, SpecError, did_you_mean
from kexp.graph.assemble import Assembly
from kexp.graph.construct import keras_message
from kexp.graph.gradients import without_echoes
from kexp.spec.phases import Phase
from kexp.spec.types import Experiment
from kexp.train.backend import own_ways
from kexp.train.backends.interface import Backend
from kexp.train.callbacks import Keeper, Pace, watched
from kexp.train.engine.single import Batches
from kexp.train.execution import Execution, parts_of, train_feed
from kexp.train.profile_watch import under_watch
from kexp.train.session import Session
from kexp.train.signals import StopRequested
from kexp.train.state import build_state
from kexp.train.user_callbacks import user_callbacks


def fit_phase(
    phase: Phase, assembly: Assembly, datasets: Datasets, session: Session, execution: Execution
) -> None:
    """Train one phase, from the epoch that the last one ended with.

    Raises: RunFailed (out-of-memory, training-failed), and what the callbacks raise.
    """
    backend = own_ways(phase.experiment.runtime.backend)
    train, progress = phase.experiment.train, session.progress
    epochs = progress.phase_epoch + train.epochs
    if session.restart is not None:
        build_state(assembly.model, backend, batches_of(assembly, datasets, phase.experiment)[0])
        has_ended = session.restart.state.record["stop_training"] and not progress.offset
        epochs = progress.epoch if has_ended else epochs
    try:
        engine = execution.engine(progress.phase, phase, assembly, class_weight(phase, datasets))
        callbacks = _callbacks(phase, assembly, datasets, session, engine.batches)
        if session.profile is not None:
            callbacks = under_watch(session.profile, engine, callbacks, session.run)
        with closing(engine), without_echoes(assembly.model, train):
            assembly.model.fit(
                engine.batches,
                initial_epoch=progress.epoch,
                epochs=epochs,
                shuffle=False,
                verbose=0,
                callbacks=engine.callbacks(callbacks, epochs),
                validation_data=engine.validation,
                validation_freq=train.validation_freq,
            )
    except (StopRequested, KexpError, OSError):
        raise
    except Exception as error:
        if backend.is_out_of_memory(error):
            raise _no_memory(error, train.batch_size) from error
        raise _failure(error, assembly.context.folder, backend) from error


def _no_memory(error: Exception, batch_size: int) -> RunFailed:
    return RunFailed(
        Diagnostic(
            "out-of-memory",
            "the device ran out of memory",
            "train.batch_size",
            help=f"try a smaller batch than {batch_size}",
            detail=keras_message(error).splitlines()[0],
        )
    )


def _failure(error: Exception, folder: Path, backend: Backend) -> Exception:
    """Say whose fault it is: the user's own code by its lines, Keras's refusal by its words, else a bug."""
    trace = user_traceback(error, folder)
    if has_user_frames(error, folder):
        message = f"your own code raised {type(error).__name__}"
        return RunFailed(Diagnostic("custom-code-raised", message, detail=trace))
    if isinstance(error, (ValueError, TypeError, *backend.refusals)):
        return RunFailed(
            Diagnostic(
                "training-failed", "Keras could not train this", detail=_first_lines(keras_message(error))
            )
        )
    return error


def _first_lines(text: str) -> str:
    """Return what says the cause: TensorFlow lists its whole graph before it."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "is not in [" in line or "Incompatible shapes" in line]
    return "\n".join(telling or lines[:6])


def _callbacks(
    phase: Phase, assembly: Assembly, datasets: Datasets, session: Session, batches: Any
) -> list[Any]:
    """Frame the user's callbacks by ours: `Pace` first, `Keeper` last."""
    train = phase.experiment.train
    best = watched(train.checkpoint.best, validates(datasets, phase.experiment))
    users = user_callbacks(train.callbacks, assembly.context, session.run)
    between = [*users, *_averaging(assembly.model, train.callbacks)]
    keeper = Keeper(session, phase, best, between)
    return [Pace(batches, session, keeper, train.terminate_on_nan), *between, keeper]


def _averaging(model: keras.Model, given: Sequence[Any]) -> list[Any]:
    """Let the averaged weights be those that are validated and kept, where the optimizer averages."""
    optimizer: Any = getattr(model, "optimizer", None)
    averages = getattr(optimizer, "use_ema", False) and optimizer.ema_overwrite_frequency is None
    if not averages or any(component.name == "SwapEMAWeights" for component in given):
        return []
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]


def batches_of(assembly: Assembly, datasets: Datasets, experiment: Experiment) -> Batches:
    """Return the training batches of one phase."""
    return Batches(train_feed(parts_of(assembly, datasets.splits["train"]), assembly, experiment))


def validates(datasets: Datasets, experiment: Experiment) -> bool:
    return "val" in datasets.splits and experiment.train.validation_freq <= experiment.train.epochs


def class_weight(phase: Phase, datasets: Datasets) -> dict[int, float] | None:
    """Return Keras's class weights: classes by number, named ones looked up.

    Raises: SpecError (class-weight-refused, unknown-class).
    """
    weights, place = phase.experiment.train.class_weight, phase.place("class_weight")
    if weights is None:
        return None
    if datasets.splits["train"].weights is not None or not datasets.info.targets:
        reason = "samples have weights of their own" if datasets.info.targets else "data has no targets"
        message = f"`class_weight` cannot weigh the samples: the {reason}"
        raise SpecError(Diagnostic("class-weight-refused", message, place, help="remove one of the two"))
    target = datasets.info.targets[0]
    is_one_hot = target.shape[-1:] not in ((), (1,))
    count = target.shape[-1] if is_one_hot else datasets.info.num_classes.get(target.name)
    known = datasets.info.classes.get(target.name) or tuple(str(number) for number in range(count or 0))
    listed = ", ".join(f"`{name}`" for name in known)
    document = phase.experiment.document
    faults = [
        Diagnostic(
            "unknown-class",
            f"`{target.name}` has no class `{key}`",
            f"{place}.{key}",
            document.locate_key(f"{place}.{key}") if document else None,
            help=did_you_mean(key, known) or f"its classes are {listed or 'none: it holds values'}",
        )
        for key in weights
        if key not in known
    ]
    if faults:
        raise SpecError(*faults)
    return {known.index(key): weight for key, weight in weights.items()}
