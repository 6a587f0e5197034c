import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes import example_data, machine

from kexp.document import load_document, parse_document
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment

if TYPE_CHECKING:
    from kexp.export.built import Built

Build = Callable[..., "Built"]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build a spec's model, from a file or from a text in `tmp_path`."""
    machine()

    def built(spec: Path | str) -> "Built":
        from kexp.data.experiment import load_data
        from kexp.export.built import build_declared, build_on, declared
        from kexp.preparation import prepare_data

        folder = spec.parent if isinstance(spec, Path) else tmp_path
        document = (
            override(load_document(spec), example_data(spec.name, tmp_path))
            if isinstance(spec, Path)
            else parse_document(spec.encode(), "spec.yaml", tmp_path)
        )
        experiment = parse_experiment(document)
        inputs = declared(experiment)
        if inputs is not None:
            return build_declared(experiment, inputs, folder)
        made = prepare_data(experiment, load_data(experiment, folder), folder)
        return build_on(experiment, made.datasets.info, folder, made.preprocessing)

    return built


@pytest.fixture
def run_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], Any]:
    """Execute a script in a namespace of its own, as if from a folder; return its model."""

    def run(text: str, folder: Path) -> Any:
        monkeypatch.syspath_prepend(str(folder))
        before = set(sys.modules)
        namespace: dict[str, Any] = {"__name__": "model"}
        exec(compile(text, "model.py", "exec"), namespace)
        for name in set(sys.modules) - before:
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
        return namespace["model"]

    return run


@pytest.fixture
def layer_configs() -> Callable[[Any], list[Any]]:
    """List a model's layers, nested models' too, by class and configuration without names and seeds."""

    def configs(model: Any) -> list[Any]:
        found = []
        for layer in model.layers:
            if hasattr(layer, "layers"):
                found.append(["model", layer.trainable, *configs(layer)])
            elif type(layer).__name__ != "InputLayer":
                found.append([type(layer).__name__, layer.trainable, _plain(layer.get_config())])
        return found

    return configs


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = ("name", "seed", "inbound_nodes", "input_layers", "output_layers", "build_input_shape")
        return {key: _plain(item) for key, item in value.items() if key not in dropped}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else json.dumps(str(value))
