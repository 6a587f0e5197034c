"""Keras object -> Component: its name, and the arguments that differ from what it would have had anyway."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kexp.errors import SpecError
from kexp.graph.exported import parameters_of, place_of, reference_to
from kexp.spec.catalogue import catalogue
from kexp.spec.types import Component, Graph, Value

_BARE = ("layers", "optimizers", "losses", "metrics")
"""Namespaces in whose positions a capitalised bare string is an object."""
_OURS = frozenset({"name", "trainable", "seed"})
"""Arguments that kexp gives by itself, or writes beside the step."""

Nest = Callable[[keras.Model], Graph]


@dataclass(frozen=True, slots=True)
class Described:
    """`full` holds every argument, those with their default value too."""

    component: Component
    full: Mapping[str, Value] = field(default_factory=dict)


class Describer:
    """Describes the objects of one model; `policy` is the precision that needs no mention."""

    def __init__(self, policy: str, nest: Nest) -> None:
        self.policy, self.nest = policy, nest
        self.known: dict[tuple[Any, str], Described] = {}

    def describe(self, value: Any) -> Described:
        """Return an object as a component.

        Raises: SpecError (lambda-layer, no-config, config-not-kept).
        """
        made = type(value)
        name, namespace = place_of(made)
        config = _config(value)
        key = (made, repr(_normal(config)))
        if key not in self.known:
            self.known[key] = self._described(made, config, name, namespace)
        return self.known[key]

    def _described(self, made: Any, config: dict[str, Any], name: str, namespace: str) -> Described:
        required, accepted = parameters_of(made, name, namespace)
        given = {key: config[key] for key in accepted if key in config and key not in _OURS}
        if "dtype" in given:
            given["dtype"] = _policy(given["dtype"]) or self.policy
            if namespace != "layers":
                del given["dtype"]
        trial = _Trial(made, given, {} if namespace != "layers" else {"dtype": self.policy})
        kept = trial.needed([key for key in required if key in given])
        for key in given:
            trial.shorten(key, kept)
        full = {key: self.value(trial.given[key], key) for key in given}
        options = {key: full[key] for key in given if key in kept}
        bare = not options and (namespace in _BARE or ":" in name)
        return Described(Component(name, namespace, None if bare else options), full)

    def value(self, raw: Any, position: str = "") -> Value:
        """Return a value of a config as YAML holds it."""
        if isinstance(raw, (list, tuple)):
            return tuple(self.value(item, position) for item in raw)
        if isinstance(raw, dict) and "class_name" in raw and "config" in raw:
            return self._nested(raw, position)
        if isinstance(raw, dict):
            return {str(key): self.value(item) for key, item in raw.items()}
        if hasattr(raw, "item"):
            return self.value(raw.tolist(), position)
        result: Value = raw
        return result

    def _nested(self, serialized: dict[str, Any], position: str) -> Value:
        made = _revive(serialized)
        if isinstance(made, keras.Model):
            return self.nest(made)
        if isinstance(made, keras.dtype_policies.DTypePolicy):
            return str(made.name)
        if not hasattr(made, "get_config"):
            return str(made.__name__) if made.__module__.startswith("keras.") else reference_to(made)
        component = self.describe(made).component
        return _as_string(made, component) or component


class _Trial:
    """Finds which arguments matter by constructing with fewer of them and comparing the configs."""

    def __init__(self, made: Any, given: dict[str, Any], always: dict[str, Any]) -> None:
        self.made, self.meant, self.given, self.always = made, given, dict(given), always

    def needed(self, required: list[str]) -> set[str]:
        """Return the arguments without which the object would be another."""
        kept = set(required)
        while True:
            differing = self._differing(kept)
            if differing is None:
                differing = {key for key, value in self.given.items() if value is not None} - kept
                if not differing:
                    raise _not_kept(self.made, "its constructor refuses its own config")
            if not differing - kept:
                break
            kept |= differing
        if differing:
            raise _not_kept(self.made, f"`{min(differing)}` does not survive")
        return kept

    def shorten(self, key: str, kept: set[str]) -> None:
        """Write `3` for `[3, 3]` where it means the same."""
        value = self.given[key]
        single = _single(value)
        if single is None:
            return
        self.given[key] = single
        if self._differing(kept | {key}) != set():
            self.given[key] = value

    def _differing(self, kept: set[str]) -> set[str] | None:
        """Return what changes when only `kept` is given; None when that is refused."""
        try:
            made = self.made(**{**self.always, **{key: _revive(self.given[key]) for key in kept}})
        except (TypeError, ValueError, AttributeError):
            return None
        config = _config(made)
        return {
            key for key, value in self.meant.items() if _known(config.get(key), key) != _known(value, key)
        }


def _known(value: Any, key: str) -> Any:
    if key == "dtype":
        return _policy(value)
    if key == "axis" and isinstance(value, (list, tuple)) and len(value) == 1:
        return value[0]  # LayerNormalization says `[-1]` once it is built
    return _normal(value)


def _single(value: Any) -> int | None:
    """Return the one number that a tuple, or a tuple of tuples, repeats."""
    if not isinstance(value, (list, tuple)) or len(value) == 0:
        return None
    inner = [_single(item) if isinstance(item, (list, tuple)) else item for item in value]
    return inner[0] if type(inner[0]) is int and all(item == inner[0] for item in inner) else None


def _config(value: Any) -> dict[str, Any]:
    try:
        config: dict[str, Any] = value.get_config()
    except NotImplementedError:
        raise SpecError.because(
            "no-config",
            f"`{type(value).__name__}` does not say how it was made: it has no `get_config`",
            help="add `get_config` to the class and save the model anew",
        ) from None
    if isinstance(config.get("learning_rate"), float):
        config["learning_rate"] = float(str(np.float32(config["learning_rate"])))  # 0.001, kept as float32
    return config


def _normal(value: Any) -> Any:
    """Return a config as it compares: without names and seeds, tuples for lists."""
    if isinstance(value, (list, tuple)):
        return tuple(_normal(item) for item in value)
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return (value["class_name"], _normal(value["config"]))
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items() if key not in ("name", "seed")}
    return value.tolist() if hasattr(value, "tolist") else value


def _policy(dtype: Any) -> str | None:
    if isinstance(dtype, dict):
        dtype = dtype["config"].get("name", dtype["config"].get("default_policy"))
    return None if dtype is None else str(getattr(dtype, "name", dtype))


def _revive(raw: Any) -> Any:
    if isinstance(raw, (list, tuple)):
        return type(raw)(_revive(item) for item in raw)
    if isinstance(raw, dict) and "class_name" in raw and "config" in raw:
        return keras.saving.deserialize_keras_object(deepcopy(raw))  # it takes configs apart
    return raw


def _not_kept(made: Any, why: str) -> Exception:
    return SpecError.because(
        "config-not-kept",
        f"`{made.__name__}` cannot be made again from its own config: {why}",
        help="write it as `file.py:Name` in the spec, with the arguments it needs",
    )


def _as_string(value: Any, component: Component) -> str | None:
    """Return Keras's own string for an object where it means the same."""
    if component.namespace not in ("initializers", "regularizers", "constraints"):
        return None
    if component.options:
        return None
    word = component.name.lower()
    strings = catalogue().identifiers(component.namespace)
    string = next((s for s in strings if s.islower() and s.replace("_", "") == word), None)
    try:
        known = getattr(keras, component.namespace).get(string)
    except (KeyError, TypeError):  # Keras cannot make `Constant` from its string
        return None
    return string if type(known) is type(value) else None
