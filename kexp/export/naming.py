"""Layers that a script looks up by name: frozen by a stage, adapted to data, or inside nested models."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kexp.export.names import own_name, text_literal
from kexp.spec.inner import LayerNames, full_name, layer_names
from kexp.spec.phases import phases
from kexp.spec.scopes import View
from kexp.spec.types import Experiment, Graph, Step
from kexp.spec.wiring import Wiring, inside, wire


class Naming:
    """Knows what a script must call layers; one of several that the same line makes cannot have a name.

    `adapted` are the layers that learn from the data: the name here, and the input that each takes.
    """

    def __init__(self, experiment: Experiment, inputs: Sequence[str], values: Mapping[str, Any]) -> None:
        self.blocks, self.inputs = experiment.blocks, inputs
        self.labels: dict[str, str] = {}
        self.made: dict[str, list[str]] = {}
        self.nested: dict[str, LayerNames] = {}
        self.adapted: dict[str, tuple[str | None, str]] = {}
        wiring = Wiring((), (), (), is_whole=False)
        if experiment.graph is not None:
            wiring = wire(experiment.graph, inputs, blocks=self.blocks, view=View({}, values))
        self.top = layer_names(wiring)
        self._read(self.top)
        for phase in phases(experiment):
            for _, path, _ in phase.named_layers():
                self._follow(path)

    def label(self, step: Step) -> str | None:
        """Return the name by which a step's layer is looked up."""
        return self.labels.get(step.path)

    def of(self, step: Step) -> list[str]:
        """Return what the layers that a step makes are called in the spec's model."""
        return self.made.get(step.path, [])

    def is_looked_into(self, step: Step) -> bool:
        """Tell whether layers of a nested model are looked up."""
        names = self.nested.get(step.path)
        return names is not None and any(call.step.path in self.labels for call in names.made.values())

    def inner(self, step: Step, name: str) -> str | None:
        """Return what the script calls a layer inside an application or nested model."""
        names = self.nested.get(step.path)
        return name if names is None else self._name(names, name)

    def lookup(self, path: str) -> str | None:
        """Return the Python that finds the layer which a stage names."""
        found = self._follow(path)
        return (
            None
            if None in found
            else "model" + "".join(f".get_layer({text_literal(n or '')})" for n in found)
        )

    def _read(self, names: LayerNames) -> None:
        for full, call in names.made.items():
            step = call.step
            self.made.setdefault(step.path, []).append(full)
            if step.adapt:
                self.adapted[full] = self._name(names, full), str(call.takes.positional[0])
            inner = inside(call, self.blocks, final=True) if isinstance(step.what, Graph) else None
            if inner is not None:
                self.nested.setdefault(step.path, inner)
                self._read(inner)
                for name in (*step.outputs_of, *([step.trainable_from] if step.trainable_from else ())):
                    self._name(inner, name)

    def _name(self, names: LayerNames, name: str) -> str | None:
        """Give a layer the user's name, or one like its automatic name that Keras does not come upon."""
        full = full_name(name, names.prefix, names.made)
        if full is None:
            return name
        step = names.made[full].step
        if Counter(call.step.path for call in names.made.values())[step.path] > 1:
            return None
        short = full.removeprefix(names.prefix)
        self.labels[step.path] = short if short == own_name(step) else f"{short}_layer"
        return self.labels[step.path]

    def _follow(self, path: str) -> list[str | None]:
        """Name the layers on the way to an inner one."""
        found: list[str | None] = []
        names: LayerNames | None = self.top
        for name in path.split("/"):
            found.append(name if names is None else self._name(names, name))
            call = names.find(name) if names is not None else None
            names = inside(call, self.blocks, final=True) if call is not None else None
        return found
