"""Targets that the model sees in other units than the data's, and the way back."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.protocols import Units
from kexp.spec.types import Component


def units_of(target: str, components: Sequence[Component], layers: Sequence[Any]) -> Units:
    """Return what turns back what the layers make of a target.

    Raises: SpecError (target-not-restored).
    """
    scale, offset = np.ones(1), np.zeros(1)
    for component, layer in zip(components, layers, strict=True):
        factor, shift = _line(target, component, layer)
        scale, offset = scale / factor, offset - scale * shift / factor
    return Units(*(tuple(map(float, np.atleast_1d(part))) for part in np.broadcast_arrays(scale, offset)))


def _line(target: str, component: Component, layer: Any) -> tuple[Any, Any]:
    """Return the factor and shift of a layer that scales and shifts the last axis."""
    if isinstance(layer, keras.layers.Rescaling):
        return np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    if isinstance(layer, keras.layers.Normalization) and not layer.invert and layer.axis in ((-1,), ()):
        mean, variance = (np.asarray(part, np.float64).reshape(-1) for part in (layer.mean, layer.variance))
        deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
        return 1 / deviation, -mean / deviation
    raise SpecError(
        Diagnostic(
            "target-not-restored",
            f"`{component.name}` changes the target `{target}`, and nothing turns its predictions back",
            component.path,
            component.span,
            help="a target takes `Normalization` and `Rescaling`",
        )
    )


def restored(array: NDArray[Any], units: Units) -> NDArray[Any]:
    """Return predictions in the data's own units."""
    scale, offset = (np.asarray(part, np.float32) for part in (units.scale, units.offset))
    return np.asarray(array, np.float32) * scale + offset


def with_units(metrics: Any, units: Mapping[str, Units]) -> Any:
    """Return metrics, a list of those of the only output or a map of lists by output, in the data's units."""
    if not units or metrics is None:
        return metrics
    if isinstance(metrics, Mapping):
        return {
            name: [_wrapped(metric, units[name]) for metric in listed] if name in units else listed
            for name, listed in metrics.items()
        }
    return [_wrapped(metric, next(iter(units.values()))) for metric in metrics]


def _wrapped(metric: Any, units: Units) -> Any:
    """Put a metric, or what Keras makes one of, into `InOwnUnits` under the name that Keras would give it."""
    found = keras.metrics.get(metric)
    if not isinstance(found, keras.metrics.Metric):
        name = metric if isinstance(metric, str) else getattr(found, "__name__", None)
        found = keras.metrics.MeanMetricWrapper(found, name=name)
    elif isinstance(metric, str):
        found.name = metric
    return InOwnUnits(found, units)


@keras.saving.register_keras_serializable(package="kexp")
class InOwnUnits(keras.metrics.Metric):  # type: ignore[misc]
    """Another metric, which compares values in the data's own units."""

    def __init__(self, metric: Any, units: Units) -> None:
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric = metric
        self.scale, self.offset = list(units.scale), list(units.offset)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.metric.update_state(self._back(y_true), self._back(y_pred), sample_weight)

    def _back(self, values: Any) -> Any:
        values = keras.ops.cast(values, self.dtype)
        return values * keras.ops.array(self.scale, self.dtype) + keras.ops.array(self.offset, self.dtype)

    def result(self) -> Any:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()
