"""What callbacks have counted so far, taken out of them and put back."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from kexp.train.plain_state import Arrays, NotPlain, decoded, encoded

_ONLY_WATCH = (
    keras.callbacks.CSVLogger,
    keras.callbacks.LambdaCallback,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)
"""What writes or shows, and changes nothing of a training."""

_OF_KERAS = frozenset({"model", "_model", "params"})


class CallbackState:
    """The state of the user's callbacks: every attribute that can be written down and is no setting.

    A setting is an argument of the constructor; in a class of the user's own it is state once it has changed.
    `unheld` names what no checkpoint can hold.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        self.callbacks = [c for c in callbacks if not isinstance(c, _ONLY_WATCH)]
        self.at_first = [_written(callback)[0] for callback in self.callbacks]

    def taken(self) -> tuple[list[dict[str, Any]], Arrays]:
        """Return one record per callback, and the arrays that they name."""
        records, arrays = [], Arrays()
        for number, (callback, at_first) in enumerate(zip(self.callbacks, self.at_first, strict=True)):
            key = f"callbacks/{number}"
            state, own = _written(callback, key)
            fixed, may_change = _settings(type(callback))
            kept = {
                name: value
                for name, value in state.items()
                if name not in fixed and not (name in may_change and at_first.get(name) == value)
            }
            arrays |= {name: array for name, array in own.items() if name.split("/")[2] in kept}
            armed = getattr(callback, "monitor_op", None) is not None
            records.append({"class": type(callback).__name__, "armed": armed, "state": kept})
        return records, arrays

    def put_back(self, records: Sequence[Mapping[str, Any]], arrays: Mapping[str, Any]) -> None:
        """Set the callbacks to what was taken; one that was not there before begins anew."""
        left = [*records]
        for callback in self.callbacks:
            name = type(callback).__name__
            record = next((record for record in left if record["class"] == name), None)
            if record is None:
                continue
            left.remove(record)
            # Arming turns the sign of `min_delta` each time, so that it comes first, and once.
            if record["armed"] and callback.monitor_op is None:
                callback._set_monitor_op()
            for attribute, value in record["state"].items():
                setattr(callback, attribute, decoded(value, arrays, getattr(callback, attribute, None)))

    def unheld(self) -> list[str]:
        """Name the attributes of the user's own classes that no checkpoint can hold."""
        found = []
        for callback in self.callbacks:
            if not type(callback).__module__.startswith("keras."):
                lost = [name for name, value in _attributes(callback) if not _is_plain(value)]
                found += [f"{type(callback).__name__}.{name}" for name in lost]
        return found


def _written(callback: Any, key: str = "") -> tuple[dict[str, Any], Arrays]:
    """Return the attributes that can be written down; Keras's own texts are paths, which may have moved."""
    is_keras = type(callback).__module__.startswith("keras.")
    state: dict[str, Any] = {}
    arrays = Arrays()
    for name, value in _attributes(callback):
        own = Arrays()
        try:
            record = encoded(value, f"{key}/{name}", own)
        except NotPlain:
            continue
        if not (is_keras and isinstance(value, str)):
            state[name] = record
            arrays |= own
    return state, arrays


def _attributes(callback: Any) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(callback).items() if name not in _OF_KERAS)


def _is_plain(value: Any) -> bool:
    try:
        encoded(value, "", {})
    except NotPlain:
        return callable(value)
    return True


def _settings(cls: type[Any]) -> tuple[set[str], set[str]]:
    """Return the arguments of Keras's constructors, and those of the user's own."""
    fixed: set[str] = set()
    own: set[str] = set()
    for each in cls.__mro__:
        if "__init__" in vars(each):
            names = set(inspect.signature(vars(each)["__init__"]).parameters)
            (fixed if each.__module__.startswith("keras.") else own).update(names)
    return fixed, own - fixed
