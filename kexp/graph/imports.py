"""keras.Model or .keras file -> the experiment that builds an equal graph."""

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from kexp.custom import load_object
from kexp.errors import KexpError, NotFound, SpecError
from kexp.graph.construct import keras_message
from kexp.graph.folding import fold
from kexp.graph.naming import block_of, graph_of
from kexp.graph.reading import read_model
from kexp.graph.training import placeholder, training_of
from kexp.spec.types import Block, Data, Experiment, Graph, Runtime, Value

_PRECISIONS = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True, slots=True)
class Kept:
    """A model as its file keeps it; `compiled` is what it was compiled with, if it was."""

    model: keras.Model
    compiled: Mapping[str, Any]
    name: str


def load_keras_file(path: Path, code: Path | None = None) -> Kept:
    """Open a `.keras` file, without running code that is in it; `code` defines classes that are not Keras's.

    Raises: NotFound (model-not-found), SpecError (not-a-keras-file, unknown-class, lambda-layer).
    """
    if not path.is_file():
        raise NotFound.because("model-not-found", f"there is no model at `{path}`")
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise SpecError.because(
            "not-a-keras-file",
            f"`{path.name}` is not a file in Keras's own format",
            help='save the model by `model.save("name.keras")`',
        ) from None
    try:
        own = {} if code is None else _own_classes(config, code)
        model = keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=True)
    except KexpError:
        raise
    except Exception as error:
        raise _refused(path, config, error) from error
    return Kept(model, config.get("compile_config") or {}, path.name)


def _own_classes(config: Any, code: Path) -> dict[str, Any]:
    """Return the classes of a file of the user's by the names that the model knows them by."""
    own = [layer for layer in _layers(config) if _is_own(layer)]
    made = {
        layer["class_name"]: load_object(f"{code.name}:{layer['class_name']}", code.parent) for layer in own
    }
    return {**made, **{layer["registered_name"]: made[layer["class_name"]] for layer in own}}


def _is_own(layer: dict[str, Any]) -> bool:
    return bool(layer.get("registered_name")) and not str(layer.get("module")).startswith(("keras", "kexp."))


def _refused(path: Path, config: Any, error: Exception) -> KexpError:
    """Say which layer could not be opened, and what to do."""
    for layer in _layers(config):
        name = layer["config"].get("name", layer["class_name"])
        if layer["class_name"] == "Lambda":
            return SpecError.because(
                "lambda-layer",
                f"the layer `{name}` is a `Lambda`, whose code a file must not bring along",
                help="replace it by a class of your own or by `keras.ops`, and save the model anew",
            )
        if _is_own(layer):
            made = layer["class_name"]
            return SpecError.because(
                "unknown-class",
                f"the layer `{name}` is of the class `{made}`, which is not one of Keras's",
                help=f"name the file that defines it by `--code`; the spec calls it `file.py:{made}`",
            )
    return SpecError.because(
        "not-a-keras-file", f"Keras cannot open `{path.name}`", detail=keras_message(error)
    )


def _layers(config: Any) -> list[dict[str, Any]]:
    """Return every serialized layer in a config, outer ones first."""
    if isinstance(config, list):
        return [layer for item in config for layer in _layers(item)]
    if not isinstance(config, dict):
        return []
    own = [config] if "class_name" in config and isinstance(config.get("config"), dict) else []
    return own + [layer for value in config.values() for layer in _layers(value)]


# ---------------------------------------------------------------- the experiment


def spec_of(
    model: keras.Model, policy: str = "float32", source: str | None = None
) -> tuple[Graph, dict[str, Block]]:
    """Return the graph of a model and the blocks it uses; `policy` is the precision that needs no mention.

    `source` is the model's file, from which layers that hold statistics are to take them.

    Raises: SpecError, what `read_model` raises.
    """
    body = read_model(model, policy, source)
    body, blocks = fold(replace(body, declares=body.inputs[0].shape is not None))
    return graph_of(body, blocks), {name: block_of(block, blocks) for name, block in blocks.items()}


def experiment_of(
    model: keras.Model, name: str, compiled: Mapping[str, Any] | None = None, source: str | None = None
) -> Experiment:
    """Return a whole experiment around a model; its data is a placeholder.

    `compiled` is the model's compile config; without it, its training is a placeholder too.
    """
    policy = _precision(model)
    graph, blocks = spec_of(model, policy, source)
    outputs = graph.outputs if graph.outputs is not None else ()
    names = list(outputs) if len(outputs) > 1 or isinstance(outputs, Mapping) else []
    given = model.get_compile_config() if compiled is None else compiled
    training = training_of(given, model, names) or placeholder(model, names)
    options: dict[str, Value] = {"path": "data.npz"}
    if graph.inputs is not None and len(graph.inputs) > 1:
        options["x"] = tuple(port.name for port in graph.inputs)
    if names:
        options["y"] = tuple(names)
    return Experiment(
        Data("npz", options), graph, training, blocks, name=name, runtime=Runtime(precision=policy)
    )


def _precision(model: keras.Model) -> str:
    """Return the precision of most layers."""
    layers = (layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer))
    counts = Counter(layer.dtype_policy.name for layer in layers)
    usual = counts.most_common(1)[0][0] if counts else "float32"
    return usual if usual in _PRECISIONS else "float32"
