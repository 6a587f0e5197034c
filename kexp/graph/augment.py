"""The section `augment` -> layers at their places in a training batch, checked against data and model."""

from typing import Any

import keras
from keras.src.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer import (
    BaseImagePreprocessingLayer,
)

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.graph.assemble import Assembly
from kexp.graph.augmentation import Augmentation, Change, Item, Role
from kexp.graph.beside import tensorflow_beside
from kexp.graph.construct import construct
from kexp.graph.pipelines import full_precision
from kexp.protocols import DataInfo
from kexp.spec.pipelines import augmented_names
from kexp.spec.types import Experiment

_MIXERS = ("MixUp", "CutMix")
_SOME = 32
"""A size for trying what may have any."""


def build_augmentation(experiment: Experiment, assembly: Assembly, info: DataInfo) -> Augmentation | None:
    """Return what changes training batches; None where `augment` says nothing.

    Raises: SpecError (unknown-input, shape-changed, and those of `_check_layers` and construction).
    """
    if not experiment.augment:
        return None
    changes: list[Change] = []
    with full_precision():
        for key, components in experiment.augment.items():
            items = tuple(_item(key, index, assembly, info) for index in range(len(augmented_names(key))))
            labels = [f"augment_{len(changes)}_{number}" for number in range(len(components))]
            layers = tuple(
                construct(component, assembly.context, label)
                for component, label in zip(components, labels, strict=True)
            )
            changes.append(Change(key, items, components, layers))
            _check_layers(changes[-1])
    augmentation = Augmentation(changes, assembly.context)
    for change in changes:
        _check_shapes(augmentation, change)
    return augmentation


def _item(key: str, index: int, assembly: Assembly, info: DataInfo) -> Item:
    """Return what the name at `index` of a key means: an input, or after the first name a target."""
    name = augmented_names(key)[index]
    inputs = _input_places(assembly, name)
    if inputs:
        column = next(port.column for port in assembly.ports if name in (port.name, port.column))
        tensor = next(tensor for tensor in info.inputs if tensor.name == column)
        return Item(name, inputs, "images", tensor)
    places = _target_places(assembly, name) if index else ()
    if not places:
        known = [port.name for port in assembly.ports]
        known += [tensor.name for tensor in info.targets if index]
        listed = ", ".join(f"`{other}`" for other in known)
        message = f"there is no input `{name}`" if not index else f"there is no input or target `{name}`"
        help = did_you_mean(name, known) or f"there are {listed}"
        raise SpecError(Diagnostic("unknown-input", message, f"augment.{key}", help=help))
    tensor = next(tensor for tensor in info.targets if tensor.name == name)
    is_whole = tensor.dtype.startswith(("int", "uint", "bool"))
    role: Role = "labels" if len(tensor.shape) < 2 else "segmentation_masks" if is_whole else "images"
    return Item(name, places, role, tensor)


def _input_places(assembly: Assembly, name: str) -> tuple[tuple[int | str, ...], ...]:
    found = [index for index, port in enumerate(assembly.ports) if name in (port.name, port.column)]
    return tuple((0,) if len(assembly.ports) == 1 else (0, index) for index in found)


def _target_places(assembly: Assembly, name: str) -> tuple[tuple[int | str, ...], ...]:
    by_name = isinstance(getattr(assembly.model, "_outputs_struct", None), dict)
    return tuple(
        (1,) if len(assembly.targets) == 1 else (1, output if by_name else index)
        for index, (output, target) in enumerate(assembly.targets.items())
        if target is not None and target.name == name
    )


def _check_layers(change: Change) -> None:
    """Refuse what cannot be done to the items.

    Raises: SpecError (not-for-augment, not-an-image, one-input-layer, mixed-labels).
    """
    first = change.items[0].tensor
    others = [item for item in change.items[1:] if item.role != "images"]
    numbers = next(
        (item.name for item in others if item.role == "labels" and item.tensor.shape in ((), (1,))), None
    )
    for component, layer in zip(change.components, change.layers, strict=True):
        is_image_layer = isinstance(layer, BaseImagePreprocessingLayer)
        if hasattr(layer, "adapt") or getattr(layer, "trainable_weights", None):
            message = f"`{component.name}` learns, and `augment` is for training batches only"
            fault = ("not-for-augment", message, "put it into `model`, or under `preprocess`")
        elif is_image_layer and len(first.shape) not in (2, 3):
            message = f"`{component.name}` takes images, and `{first.name}` has shape {list(first.shape)}"
            fault = ("not-an-image", message, "`Reshape` under `preprocess` gives height, width and channels")
        elif others and not is_image_layer and not component.is_custom:
            message = (
                f"`{component.name}` changes one input alone, and `{others[0].name}` is to be changed alike"
            )
            fault = ("one-input-layer", message, f"give `{first.name}` an entry of its own")
        elif numbers is not None and component.name in _MIXERS:
            message = f"`{component.name}` mixes one-hot labels, and `{numbers}` holds one number each"
            fault = ("mixed-labels", message, "one-hot labels come from a data function: `file.py:load`")
        else:
            continue
        raise SpecError(Diagnostic(fault[0], fault[1], component.path, component.span, help=fault[2]))


def _check_shapes(augmentation: Augmentation, change: Change) -> None:
    """Run the layers once, where possible without computing, and compare the shapes."""
    results = _traced(augmentation, change) if augmentation.is_traceable else _tried(augmentation, change)
    for item in change.items:
        before, after = item.tensor.shape, tuple(results[item.name].shape)[1:]
        same = (a == b or None in (a, b) for a, b in zip(before, after, strict=False))
        if len(before) != len(after) or not all(same):
            message = f"`augment` makes `{item.name}` {list(after)}, and the model takes {list(before)}"
            help = "resize or crop all data alike under `preprocess`"
            raise SpecError(Diagnostic("shape-changed", message, f"augment.{change.key}", help=help))


def _traced(augmentation: Augmentation, change: Change) -> Any:
    tf = tensorflow_beside()

    def changed(values: dict[str, Any], place: Any) -> dict[str, Any]:
        return augmentation.changed(change, values, place)

    specs = {i.name: tf.TensorSpec((None, *i.tensor.shape), i.tensor.dtype) for i in change.items}
    traced = tf.function(changed, autograph=False)
    return traced.get_concrete_function(specs, tf.TensorSpec((3,), tf.int64)).structured_outputs


def _tried(augmentation: Augmentation, change: Change) -> Any:
    """Run the layers on two samples of nothing; sizes that differ between samples are taken to be `_SOME`."""
    values = {
        i.name: keras.ops.zeros((2, *(size or _SOME for size in i.tensor.shape)), i.tensor.dtype)
        for i in change.items
    }
    return augmentation.changed(change, values, (0, 0, 0))
