"""Plain chains of layers -> the list that a `keras.Sequential` takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kexp.export.layout import Brackets, Code, code, flat, sequence
from kexp.export.loops import header
from kexp.export.names import Sight
from kexp.export.objects import Objects
from kexp.spec.types import Block, Component, Graph, Group, Step, Use, Value


@dataclass(frozen=True, slots=True)
class Chains:
    objects: Objects
    blocks: Mapping[str, Block]
    sight: Sight

    def is_plain(self, graph: Graph) -> bool:
        """Tell whether a nested model is one layer after another, its own blocks aside."""
        return (graph.inputs is None or len(graph.inputs) == 1) and all(
            isinstance(step.what, Component)
            and self.objects.call_of(step.what) is not None
            and self.is_simple(step)
            and not (step.takes or step.call or step.repeat or step.layer_name or step.outputs_of)
            and not (step.trainable_from or step.weights or step.adapt)
            and len(step.gives) < 2
            and (self.objects.is_layer(step.what) or step.trainable is None)
            and "input" not in str(step.what.namespace)
            for step in graph.steps
        )

    def is_simple(self, step: Step) -> bool:
        """Tell whether `trainable` can be an argument of the layer: one that holds no layers itself."""
        if not isinstance(step.what, Component) or not self.objects.is_layer(step.what):
            return step.trainable is None
        return not any(_holds_layers(value) for value in (step.what.options or {}).values())

    def sequential(self, graph: Graph) -> Code:
        return sequence(tuple(self._items(graph.steps, self.sight)))

    def _items(self, steps: tuple[Step, ...], sight: Sight) -> list[Code]:
        return [item for step in steps for item in self._turns(step, sight)]

    def _turns(self, step: Step, sight: Sight) -> list[Code]:
        if step.repeat is None:
            return self._made(step, sight)
        head = header(step, sight, set(), self.objects)
        inner = self._made(replace(step, repeat=None), _with_values(sight, head.values))
        used = " ".join(flat(item) for item in inner)
        loop = flat(head.code(used))
        if len(inner) == 1:
            return [("*", Brackets("[", ((*inner[0], f" {loop}"),), "]"))]
        return [("*", Brackets("[", ((f"layer {loop} for layer in ", *sequence(tuple(inner))),), "]"))]

    def _made(self, step: Step, sight: Sight) -> list[Code]:
        match step.what:
            case Group(steps=steps):
                return self._items(steps, sight)
            case Use(block=name, arguments=arguments):
                block = self.blocks[name]
                given: Mapping[str, Value] = {**block.params, **arguments}
                values = {n: f"({flat(self.objects.value(v, sight))})" for n, v in given.items()}
                return self._items(block.graph.steps, _with_values(sight, values))
            case Component():
                extra = {} if step.trainable is None else {"trainable": code(str(step.trainable))}
                return [self.objects.component(step.what, sight, extra)]
        raise AssertionError(f"no chain: {step.what!r}")


def _with_values(sight: Sight, values: Mapping[str, str]) -> Sight:
    return replace(sight, value=lambda name: values[name] if name in values else sight.value(name))


def _holds_layers(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_holds_layers(item) for item in value)
    return isinstance(value, Graph) or (isinstance(value, Component) and value.namespace == "layers")
