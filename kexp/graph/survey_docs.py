"""What the survey says of an object and its arguments: Keras's docstring, and our words where it has none."""

from collections.abc import Sequence
from typing import Any

from kexp.graph.docstrings import ARGUMENTS, CALL, argument_lines, paragraph, sentence

_LINES = {
    "activity_regularizer": "Regularizer of the layer's output.",
    "antialias": "Whether to smooth the image before it becomes smaller.",
    "autocast": "Whether inputs of floating point are cast to the layer's compute dtype.",
    "axis": "The axis along which the loss is computed.",
    "bounding_box_format": 'How bounding boxes are written, such as "xyxy".',
    "call_training_endpoint": "Name of the endpoint for calls in training.",
    "clipnorm": "The norm to which the gradient of each weight is clipped.",
    "clipvalue": "The value to which each gradient is clipped.",
    "data_format": '"channels_last" or "channels_first"; Keras\'s setting where it is left out.',
    "dtype": 'The dtype of the computations and weights, or a policy such as "mixed_float16".',
    "ema_momentum": "How slowly the moving average of the weights follows them.",
    "ema_overwrite_frequency": "After how many steps the weights are replaced by their average.",
    "fill_value": "The value that fills what is missing.",
    "global_clipnorm": "The norm to which the gradients of all weights together are clipped.",
    "gradient_accumulation_steps": "Over how many steps gradients are gathered before the weights change.",
    "gptq_unpacked_column_size": "The number of columns before GPTQ packs them.",
    "ignore_class": "A class whose samples do not count.",
    "include_preprocessing": "Whether the model begins with the layers that scale its images.",
    "input_axes": "The axes of the weight that count as inputs.",
    "layers": "The layers, applied one after another.",
    "lora_alpha": "The scale of the low-rank update.",
    "lora_rank": "The rank of the update that is trained instead of the kernel.",
    "loss_scale_factor": "The factor by which the loss is multiplied before gradients are taken.",
    "mask_value": "The value of the time steps to skip.",
    "name": "The object's name.",
    "optimizer_map": "The optimizers by the names of the layers that they train.",
    "output_axes": "The axes of the weight that count as outputs.",
    "output_shape": "The shape of the module's output, where Keras cannot work it out.",
    "quantization_config": "How the layer's weights are quantized.",
    "save_weights_only": "Whether to save the weights alone, without the model.",
    "seed": "The seed of the random numbers; kexp gives one by the layer's name.",
    "trainable": "Whether training changes the weights.",
    "unroll": "Whether the loop over time steps is laid out step by step.",
    "use_ema": "Whether to keep a moving average of the weights.",
    "value_range": "The lowest and the highest value that images may have.",
    "weight_decay": "The share of each weight that is taken off at every step.",
    "weights": "Initial values of the weights.",
    "zero_output_for_mask": "Whether masked time steps give zeros.",
}
"""By argument: what it is for, where Keras's docstring does not say."""


def doc_of(value: Any, params: Sequence[str], call: Sequence[str]) -> dict[str, Any]:
    """Return a paragraph, and a line for each argument and call argument."""
    found = {**_LINES, **_lines(value, params, ARGUMENTS)}
    doc: dict[str, Any] = {"text": paragraph(value)}
    doc["arguments"] = {name: found[name] for name in params if name in found}
    called = _lines(value, call, CALL)
    return {**doc, "call": called} if called else doc


def _lines(value: Any, names: Sequence[str], titles: tuple[str, ...]) -> dict[str, str]:
    lines = argument_lines(value, names, titles)
    is_ours = not value.__module__.startswith("keras")
    return lines if is_ours else {name: sentence(line) for name, line in lines.items()}
