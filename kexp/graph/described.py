"""Keras object -> Component: its name, and the arguments that differ from what it would have had anyway."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from kexp.graph.exported import parameters_of, place_of, reference_to
from kexp.graph.learnt import given_config, unforced
from kexp.graph.trial import Trial, normal, policy_of, revive
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
        config = given_config(value)
        key = (made, repr(normal(config)))
        if key not in self.known:
            self.known[key] = self._described(made, config, name, namespace)
        return self.known[key]

    def _described(self, made: Any, config: dict[str, Any], name: str, namespace: str) -> Described:
        required, accepted = parameters_of(made, name, namespace)
        given = {key: config[key] for key in accepted if key in config and key not in _OURS}
        if "dtype" in given:
            given["dtype"] = policy_of(given["dtype"]) or self.policy
            if namespace != "layers":
                del given["dtype"]
        trial = Trial(made, given, {} if namespace != "layers" else {"dtype": self.policy})
        kept = trial.needed([key for key in required if key in given])
        for key in given:
            trial.shorten(key, kept)
        full = {key: unforced(made, self.value(trial.given[key], key)) for key in given}
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
        made = revive(serialized)
        if isinstance(made, keras.Model):
            return self.nest(made)
        if isinstance(made, keras.dtype_policies.DTypePolicy):
            return str(made.name)
        if not hasattr(made, "get_config"):
            return str(made.__name__) if made.__module__.startswith("keras.") else reference_to(made)
        component = self.describe(made).component
        return _as_string(made, component) or component


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
