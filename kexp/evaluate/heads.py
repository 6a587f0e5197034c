"""How a model's numbers become labels and shares."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kexp.evaluate.rebuilt import Rebuilt
from kexp.graph.labels import loss_of
from kexp.spec.losses import kind_of
from kexp.spec.types import Component

Task = Literal["classes", "binary", "values"]


@dataclass(frozen=True, slots=True)
class Head:
    """How one output's numbers are read; `threshold` parts the two classes of a binary task."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    from_logits: bool = False

    def columns(self, array: "np.ndarray[Any, Any]", proba: bool) -> list[tuple[str, list[Any]]]:
        """Return the output as named columns: labels or values, with `proba` the classes' shares too.

        Shapes: array (n, units) or (n, ...).
        """
        if self.task == "classes" and array.ndim == 2:
            shares = _softmax(array) if self.from_logits else array
            columns = [(self.name, [self._label(i) for i in array.argmax(axis=1)])]
            named = [(f"{self.name}.{self._label(i)}", shares[:, i].tolist()) for i in range(array.shape[1])]
            return columns + (named if proba else [])
        flat = array.reshape(len(array), -1)
        if self.task == "binary" and flat.shape[1] == 1:
            columns = [(self.name, [self._label(int(value > self.threshold)) for value in flat[:, 0]])]
            share = 1 / (1 + np.exp(-flat[:, 0])) if self.from_logits else flat[:, 0]
            named = [(f"{self.name}.{self._label(1)}", share.tolist())]
            return columns + (named if proba else [])
        if flat.shape[1] == 1:
            return [(self.name, flat[:, 0].tolist())]
        return [(f"{self.name}.{i}", flat[:, i].tolist()) for i in range(flat.shape[1])]

    def _label(self, number: int) -> str | int:
        return self.classes[number] if number < len(self.classes) else int(number)


def _softmax(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    powers = np.exp(array - array.max(axis=1, keepdims=True))
    shares: np.ndarray[Any, Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def heads(rebuilt: Rebuilt) -> list[Head]:
    """Return how each output is read: the task follows from the loss."""
    found = []
    for name, target in rebuilt.assembly.targets.items():
        classes = rebuilt.info.classes.get(target.name, ()) if target else ()
        loss = loss_of(rebuilt.experiment, name)
        kind = "" if loss is None else kind_of(loss)
        shown = target.name if target is not None and len(rebuilt.assembly.targets) == 1 else name
        if kind in ("sparsecategoricalcrossentropy", "categoricalcrossentropy"):
            found.append(Head(shown, "classes", classes, from_logits=_from_logits(loss)))
        elif kind in ("binarycrossentropy", "binaryfocalcrossentropy"):
            logits = _from_logits(loss)
            found.append(Head(shown, "binary", classes, 0.0 if logits else 0.5, logits))
        else:
            found.append(Head(shown, "values"))
    return found


def _from_logits(loss: Any) -> bool:
    return isinstance(loss, Component) and bool((loss.options or {}).get("from_logits", False))
