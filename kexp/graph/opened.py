"""`.keras` file -> the model in it, without running code that the file brings along."""

import inspect
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
from keras.src.models.functional import Functional

from kexp.custom import load_object
from kexp.errors import KexpError, NotFound, SpecError
from kexp.graph.construct import keras_message
from kexp.graph.limits import bounded_model
from kexp.record.jsonfile import parsed
from kexp.spec.turns import MAX_STEPS

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK"
_SAVE = 'save the model by `model.save("name.keras")`'
_MOST_BYTES = 16 << 20
_TIMES = 4
"""How many times its file a model may take: weights may have been kept in fewer bits."""
_ROOM_BYTES = 256 << 20
_GRAPHS = ("Functional", "Sequential", "Model")

Serialized = dict[str, Any]
"""An object as Keras writes it: its class, module and config."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A model as its file keeps it; `compiled` is what it was compiled with, if it was.

    `own` are the user's classes and functions in both, by the names that Keras knows them by.
    """

    model: keras.Model
    compiled: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


def open_keras_file(path: Path, code: Path | None = None) -> Opened:
    """Open a `.keras` file; `code` defines the classes and functions in it that are not Keras's.

    Raises: NotFound (model-not-found, code-not-found), SpecError (not-a-keras-file, not-a-graph,
    lambda-layer, unknown-class, unknown-function, and those of custom code).
    """
    if not path.exists():
        raise NotFound.because("model-not-found", f"there is no model at `{path}`")
    if code is not None and not code.is_file():
        raise NotFound.because("code-not-found", f"there is no file `{code}`")
    config = _config_in(path)
    if config["class_name"] not in _GRAPHS and "layers" not in config["config"]:
        raise not_a_graph(config["class_name"], "call")
    compiled = config.pop("compile_config", None) or {}
    try:
        own = {} if code is None else _own_objects(config, compiled, code)
        with bounded_model(_most_bytes(path), MAX_STEPS):
            model = keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=True)
    except KexpError:
        raise
    except Exception as error:
        raise _refused(path, config, error) from error
    return Opened(model, compiled, own)


def not_a_graph(name: str, method: str) -> KexpError:
    return SpecError.because(
        "not-a-graph",
        f"`{name}` is a model class with a `{method}` of its own, and a spec holds graphs",
        help=f"write it as `file.py:{name}` in the spec, and import the Functional models inside it",
    )


def method_of_its_own(model: keras.Model) -> str | None:
    """Return what a model's class does otherwise than Keras's graphs do."""
    for made in type(model).__mro__:
        if made in (Functional, keras.Sequential, keras.Model):
            return None
        own = next((name for name, value in vars(made).items() if _changes(name, value)), None)
        if own is not None:
            return own
    return None


def _changes(name: str, value: Any) -> bool:
    return name in ("call", "train_step", "test_step", "compute_loss") and inspect.isfunction(value)


# ---------------------------------------------------------------- what is in the file


def _config_in(path: Path) -> dict[str, Any]:
    """Return the model's config.

    Raises: SpecError (not-a-keras-file).
    """
    if path.is_dir():
        raise _foreign(path, "is a folder, and a SavedModel does not keep its layers")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_room(path, archive)
            if archive.getinfo("config.json").file_size > _MOST_BYTES:
                raise _foreign(path, f"has a `config.json` of more than {_MOST_BYTES:,} bytes", None)
            config = parsed(archive.read("config.json"))
    except OSError as error:
        raise _foreign(path, f"cannot be read: {error.strerror}", None) from None
    except zipfile.BadZipFile:
        raise _no_zip(path) from None
    except KeyError:
        raise _foreign(path, "is a zip file without a `config.json`, so no model is in it") from None
    except (ValueError, RecursionError):
        raise _foreign(path, "has a `config.json` that is not JSON") from None
    except (EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise _foreign(path, f"has a `config.json` that cannot be unpacked: {error}") from None
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("config"), dict)
        or "class_name" not in config
    ):
        raise _foreign(path, "has a `config.json` that describes no model")
    return config


def _check_room(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what would fill the memory, or the disk that Keras unpacks assets to."""
    size_bytes = sum(member.file_size for member in archive.infolist())
    if size_bytes > _most_bytes(path):
        raise _foreign(path, f"unpacks from {path.stat().st_size:,} bytes to {size_bytes:,}", None)


def _most_bytes(path: Path) -> int:
    return _TIMES * path.stat().st_size + _ROOM_BYTES


def _no_zip(path: Path) -> KexpError:
    with path.open("rb") as file:
        begin = file.read(len(_HDF5))
    if begin == _HDF5 and path.name.endswith(".weights.h5"):
        return _foreign(path, "holds weights, and no graph")
    if begin == _HDF5:
        help = f'open it by `keras.models.load_model("{path.name}")`, and {_SAVE}'
        return _foreign(path, "is an HDF5 file, Keras's format before `.keras`", help)
    if begin.startswith(_ZIP):
        what = "is cut off or damaged: it begins like a `.keras` file and does not end like one"
        return _foreign(path, what, None)
    return _foreign(path, "is not a file in Keras's own format")


def _foreign(path: Path, what: str, help: str | None = _SAVE) -> KexpError:
    details = {} if help is None else {"help": help}
    return SpecError.because("not-a-keras-file", f"`{path.name}` {what}", **details)


# ---------------------------------------------------------------- the user's own code


def _own_objects(config: Serialized, compiled: Mapping[str, Any], code: Path) -> dict[str, Any]:
    """Return the classes and functions of a file of the user's by the names that the model knows them by."""
    found: dict[str, Any] = {}
    for each in filter(_is_own, _objects(config)):
        found |= _by_names(each, code)
    for each in filter(_is_own, _objects(compiled)):
        with suppress(SpecError):  # a graph can do without its loss
            found |= _by_names(each, code)
    return found


def _by_names(serialized: Serialized, code: Path) -> dict[str, Any]:
    name = _name(serialized)
    made = load_object(f"{code.name}:{name}", code.parent)
    return {name: made, serialized["registered_name"]: made}


def _objects(config: Any) -> Iterator[Serialized]:
    """Yield every serialized object in a config, outer ones first."""
    if isinstance(config, list):
        for item in config:
            yield from _objects(item)
    elif isinstance(config, Mapping):
        if "class_name" in config and isinstance(config.get("config"), (dict, str)):
            yield dict(config)
        for value in config.values():
            yield from _objects(value)


def _is_own(serialized: Serialized) -> bool:
    module = f"{serialized.get('module')}."
    return bool(serialized.get("registered_name")) and not module.startswith(("keras.", "kexp."))


def _name(serialized: Serialized) -> str:
    """Return the name of a class or function in the code that defines it."""
    return str(serialized["config"] if _is_function(serialized) else serialized["class_name"])


def _is_function(serialized: Serialized) -> bool:
    return bool(serialized["class_name"] == "function")


def _refused(path: Path, config: Serialized, error: Exception) -> KexpError:
    """Say which part of a model could not be opened, and what to do."""
    for each in _objects(config):
        if each["class_name"] == "Lambda":
            name = each["config"].get("name")
            return SpecError.because(
                "lambda-layer",
                f"the layer `{name}` is a `Lambda`, whose code a file must not bring along",
                help="replace it by a class of your own or by `keras.ops`, and save the model anew",
            )
    own = next(filter(_is_own, _objects(config)), None)
    if own is None:
        detail = keras_message(error).rpartition("Exception encountered: ")[2]
        return SpecError.because("not-a-keras-file", f"Keras cannot open `{path.name}`", detail=detail)
    name = _name(own)
    if _is_function(own):
        kind, what = "unknown-function", f"the model uses the function `{name}`"
    elif own == config:
        kind, what = "unknown-class", f"the model is of the class `{name}`"
    else:
        kind, what = (
            "unknown-class",
            f"the layer `{own['config'].get('name', name)}` is of the class `{name}`",
        )
    return SpecError.because(
        kind,
        f"{what}, which is not one of Keras's",
        help=f"name the file that defines it by `--code`; the spec calls it `file.py:{name}`",
    )
