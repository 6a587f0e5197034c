"""One phase of a training: Keras's own loop over our batches, between our callbacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from kexp.custom import has_user_frames, user_traceback
from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, RunFailed, SpecError, did_you_mean
from kexp.graph.assemble import Assembly
from kexp.graph.construct import keras_message
from kexp.spec.phases import Phase
from kexp.spec.types import Experiment
from kexp.train.batches import Batches
from kexp.train.callbacks import Keeper, Pace, watched
from kexp.train.session import Session
from kexp.train.signals import StopRequested
from kexp.train.user_callbacks import user_callbacks


def fit_phase(phase: Phase, assembly: Assembly, datasets: Datasets, session: Session) -> None:
    """Train one phase, from the epoch that the last one ended with.

    Raises: RunFailed (out-of-memory, training-failed), and what the callbacks raise.
    """
    import tensorflow as tf

    train = phase.experiment.train
    first = session.progress.epoch
    session.progress.forget_best()
    batches = batches_of(assembly, datasets, phase.experiment)
    try:
        assembly.model.fit(
            batches,
            initial_epoch=first,
            epochs=first + train.epochs,
            shuffle=False,
            verbose=0,
            callbacks=_callbacks(phase, assembly, datasets, session, batches),
            class_weight=class_weight(phase.experiment, datasets),
            validation_data=_validation(assembly, datasets),
            validation_batch_size=train.batch_size,
            validation_freq=train.validation_freq,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise RunFailed(
            Diagnostic(
                "out-of-memory",
                "the device ran out of memory",
                "train.batch_size",
                help=f"try a smaller batch than {train.batch_size}",
                detail=keras_message(error).splitlines()[0],
            )
        ) from error
    except (StopRequested, KexpError, OSError):
        raise
    except Exception as error:
        raise _failure(error, assembly.context.folder) from error


def _failure(error: Exception, folder: Path) -> Exception:
    """Say whose fault it is: the user's own code by its lines, Keras's refusal by its words, else a bug."""
    import tensorflow as tf

    trace = user_traceback(error, folder)
    if has_user_frames(error, folder):
        message = f"your own code raised {type(error).__name__}"
        return RunFailed(Diagnostic("custom-code-raised", message, detail=trace))
    if isinstance(error, (ValueError, TypeError, tf.errors.OpError)):
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
    phase: Phase, assembly: Assembly, datasets: Datasets, session: Session, batches: Batches
) -> list[Any]:
    """Frame the user's callbacks by ours: `Pace` first, `Keeper` last."""
    train = phase.experiment.train
    best = watched(train.checkpoint.best, validates(datasets, phase.experiment))
    return [
        Pace(batches, session, train.terminate_on_nan),
        *user_callbacks(train.callbacks, assembly.context, session.run),
        *_averaging(assembly.model, train.callbacks),
        Keeper(session, best, train.checkpoint.best.monitor is not None, phase.name),
    ]


def _averaging(model: keras.Model, given: Sequence[Any]) -> list[Any]:
    """Let the averaged weights be those that are validated and kept, where the optimizer averages."""
    optimizer: Any = getattr(model, "optimizer", None)
    averages = getattr(optimizer, "use_ema", False) and optimizer.ema_overwrite_frequency is None
    if not averages or any(component.name == "SwapEMAWeights" for component in given):
        return []
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]


def batches_of(assembly: Assembly, datasets: Datasets, experiment: Experiment) -> Batches:
    """Return the training batches of one phase."""
    samples = datasets.splits["train"]
    arrays: tuple[Any, ...] = (assembly.inputs(samples), assembly.labels(samples), samples.weights)
    given = tuple(part for part in arrays if part is not None)
    train = experiment.train
    return Batches(given, train.batch_size, experiment.seed or 0, train.shuffle, train.steps_per_epoch)


def validates(datasets: Datasets, experiment: Experiment) -> bool:
    return "val" in datasets.splits and experiment.train.validation_freq <= experiment.train.epochs


def _validation(assembly: Assembly, datasets: Datasets) -> tuple[Any, ...] | None:
    val = datasets.splits.get("val")
    if val is None:
        return None
    weights = () if val.weights is None else (val.weights,)
    return (assembly.inputs(val), assembly.labels(val), *weights)


def class_weight(experiment: Experiment, datasets: Datasets) -> dict[int, float] | None:
    """Return Keras's class weights: classes by number, named ones looked up.

    Raises: SpecError (unknown-class).
    """
    weights = experiment.train.class_weight
    if weights is None:
        return None
    if datasets.splits["train"].weights is not None or not datasets.info.targets:
        reason = "samples have weights of their own" if datasets.info.targets else "data has no targets"
        message = f"`class_weight` cannot weigh the samples: the {reason}"
        raise SpecError(
            Diagnostic("class-weight-refused", message, "train.class_weight", help="remove one of the two")
        )
    target = datasets.info.targets[0]
    is_one_hot = target.shape[-1:] not in ((), (1,))
    count = target.shape[-1] if is_one_hot else datasets.info.num_classes.get(target.name)
    known = datasets.info.classes.get(target.name) or tuple(str(number) for number in range(count or 0))
    listed = ", ".join(f"`{name}`" for name in known)
    for key in weights:
        if key not in known:
            raise SpecError(
                Diagnostic(
                    "unknown-class",
                    f"`{target.name}` has no class `{key}`",
                    f"train.class_weight.{key}",
                    help=did_you_mean(key, known) or f"its classes are {listed or 'none: it holds values'}",
                )
            )
    return {known.index(key): weight for key, weight in weights.items()}
