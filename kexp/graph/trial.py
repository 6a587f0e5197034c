"""Which arguments make an object what it is: found by making it with fewer of them."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import keras
import numpy as np

from kexp.errors import SpecError


class Trial:
    """Finds which arguments matter by constructing with fewer of them and comparing the configs."""

    def __init__(self, made: Any, given: Mapping[str, Any], always: Mapping[str, Any]) -> None:
        self.made, self.meant, self.given, self.always = made, given, dict(given), always

    def needed(self, required: list[str]) -> set[str]:
        """Return the arguments without which the object would be another.

        Raises: SpecError (config-not-kept).
        """
        kept, refused = set(required), False
        while True:
            differing = self._differing(kept)
            if differing is None:
                refused = True
                differing = {key for key, value in self.given.items() if value is not None} - kept
                if not differing:
                    raise _not_kept(self.made, "its constructor refuses its own config")
            if not differing - kept:
                break
            kept |= differing
        if differing:
            raise _not_kept(self.made, f"`{min(differing)}` does not survive")
        return self._without_idle(kept, required) if refused else kept

    def _without_idle(self, kept: set[str], required: list[str]) -> set[str]:
        """Leave out what changes nothing; some constructors want one of several arguments."""
        for key in self.given:
            if key in kept and key not in required and self._differing(kept - {key}) == set():
                kept = kept - {key}
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
            made = self.made(**{**self.always, **{key: revive(self.given[key]) for key in kept}})
        except (TypeError, ValueError, AttributeError):
            return None
        config = config_of(made)
        return {
            key for key, value in self.meant.items() if _known(config.get(key), key) != _known(value, key)
        }


def _not_kept(made: Any, why: str) -> Exception:
    return SpecError.because(
        "config-not-kept",
        f"`{made.__name__}` cannot be made again from its own config: {why}",
        help="write it as `file.py:Name` in the spec, with the arguments it needs",
    )


def _single(value: Any) -> int | None:
    """Return the one number that a tuple, or a tuple of tuples, repeats."""
    if not isinstance(value, (list, tuple)) or len(value) == 0:
        return None
    inner = [_single(item) if isinstance(item, (list, tuple)) else item for item in value]
    return inner[0] if type(inner[0]) is int and all(item == inner[0] for item in inner) else None


# ---------------------------------------------------------------- configs


def config_of(value: Any) -> dict[str, Any]:
    """Return an object's config as its author would have written it.

    Raises: SpecError (no-config).
    """
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


def normal(value: Any) -> Any:
    """Return a config as it compares: without names and seeds, tuples for lists."""
    if isinstance(value, (list, tuple)):
        return tuple(normal(item) for item in value)
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return (value["class_name"], normal(value["config"]))
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items() if key not in ("name", "seed")}
    return value.tolist() if hasattr(value, "tolist") else value


def policy_of(dtype: Any) -> str | None:
    """Return the name of a dtype or policy, serialized or not."""
    if isinstance(dtype, dict):
        dtype = dtype["config"].get("name", dtype["config"].get("default_policy"))
    return None if dtype is None else str(getattr(dtype, "name", dtype))


def revive(raw: Any) -> Any:
    """Return the objects that stand serialized in a value."""
    if isinstance(raw, (list, tuple)):
        return type(raw)(revive(item) for item in raw)
    if isinstance(raw, dict) and "class_name" in raw and "config" in raw:
        return keras.saving.deserialize_keras_object(deepcopy(raw))  # it takes configs apart
    return raw


def _known(value: Any, key: str) -> Any:
    if key == "dtype":
        return policy_of(value)
    if key == "axis" and isinstance(value, (list, tuple)) and len(value) == 1:
        return value[0]  # LayerNormalization says `[-1]` once it is built
    return normal(value)
