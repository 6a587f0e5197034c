"""`weights:` -> statements that load them without kexp."""

from pathlib import Path

from kexp.export.layout import Code, call, code
from kexp.export.names import identifier, text_literal
from kexp.graph.initial import found_weights
from kexp.spec.types import Step

_CHECKPOINT = ".safetensors"


class Sources:
    """Opens each file that weights come from once, under a name of its own."""

    def __init__(self, folder: Path, taken: set[str]) -> None:
        self.folder, self.taken = folder, taken
        self.opened: dict[Path, str] = {}
        self._loader: str | None = None

    def statements(self, variable: str, step: Step, names: list[str]) -> list[Code]:
        """Return what gives a layer the weights of its step; `names` are the layer's in the spec's model.

        Raises: NotFound (weights-not-found).
        """
        assert step.weights is not None
        path = found_weights(step, self.folder).resolve()
        wanted = [step.weights.layer] if step.weights.layer else names
        source = self._open(path)
        if len(wanted) != 1:
            listed = [f"# {name}" for name in wanted]
            return [*map(code, [f"# {variable} starts from the one of its name in {source}:", *listed])]
        if path.suffix == _CHECKPOINT:
            self._loader = self._loader or self._named("load_weights")
            return [call(code(self._loader), code(variable), code(source), code(text_literal(wanted[0])))]
        inner = "".join(f".get_layer({text_literal(part)})" for part in wanted[0].split("/"))
        return [call(code(f"{variable}.set_weights"), code(f"{source}{inner}.get_weights()"))]

    def _open(self, path: Path) -> str:
        if path not in self.opened:
            run = path.parent.parent if path.parent.name == "checkpoints" else path
            self.opened[path] = self._named(f"weights_of_{run.stem}".lower())
        return self.opened[path]

    def _named(self, name: str) -> str:
        made = identifier(name, self.taken)
        self.taken.add(made)
        return made

    @property
    def imports(self) -> list[str]:
        is_needed = any(path.suffix == _CHECKPOINT for path in self.opened)
        return ["from safetensors.numpy import load_file"] if is_needed else []

    def settings(self) -> list[Code]:
        """Return what opens the files."""
        return [(f"{name} = ", *_opened(path)) for path, name in self.opened.items()]

    def functions(self) -> list[list[str]]:
        """Return the function that loads a layer from a checkpoint, where one is needed."""
        if self._loader is None:
            return []
        return [
            [
                f"def {self._loader}(layer, arrays, name):",
                "    for index, variable in enumerate(layer.variables):",
                '        variable.assign(arrays[f"model/{name}/{index}"])',
            ]
        ]


def _opened(path: Path) -> Code:
    file = code(text_literal(str(path)))
    if path.suffix == _CHECKPOINT:
        return call(code("load_file"), file)
    return call(code("keras.models.load_model"), file, code("compile=False"))
