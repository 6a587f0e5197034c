"""Which tensor goes where: blocks and repeats laid out, names resolved, layers named, faults found.

The builder only follows the calls. Values that need data or graph stay formulas, each with the view it is
computed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kexp.spec.calls import Call, Fault, Halt, Used, Wiring, arity_of, names_of, subject
from kexp.spec.inner import LayerNames, inner_faults, layer_names
from kexp.spec.labels import snake_case
from kexp.spec.layout import Layout
from kexp.spec.scopes import Scope, View
from kexp.spec.types import Block, Component, Graph, Step

__all__ = ["Call", "Fault", "Wiring", "inside", "output_names", "snake_case", "wire"]


def wire(
    graph: Graph,
    inputs: Sequence[str] | None,
    scope: str = "",
    blocks: Mapping[str, Block] | None = None,
    view: View | None = None,
    opens_blocks: bool = True,
) -> Wiring:
    """Resolve every name of a graph. `inputs` None: not known yet, so an unknown name may be one of them.

    Tensors without a name of the user's get an id that begins with `#`, which no user can write.
    `view` None: data and graph are not known yet, so a value may still be missing; otherwise it holds the
    values around the graph, and a missing one is a fault. A block that is not opened counts as one layer.
    """
    layout = Layout(blocks or {}, inputs, view is not None, opens_blocks)
    wiring = _wired(layout, graph, Scope(scope, view.values if view else {}))
    if not opens_blocks:  # the names of inner layers begin with the name of each use
        return wiring
    faults = inner_faults(wiring, lambda call: inside(call, layout.blocks, layout.final))
    return replace(wiring, faults=(*wiring.faults, *faults))


def inside(call: Call, blocks: Mapping[str, Block], final: bool = False) -> LayerNames | None:
    """Return what the layers inside the one that a call makes are called; None where only Keras knows.

    `final`: no value is still to come.
    """
    match call.step.what:
        case Graph() as graph:
            scope = Scope(f"{call.layer}_", call.view.values)
            layout = Layout(blocks, arity_of(graph).inputs, final, opens_blocks=True)
            return layer_names(_wired(layout, graph, scope), scope.prefix)
        case Component(namespace="layers", is_custom=False):
            return LayerNames({}, is_whole=True)
    return None


def _wired(layout: Layout, graph: Graph, outermost: Scope) -> Wiring:
    for name in layout.inputs or ():
        outermost.give(name, outermost.prefix + name)
    outputs: tuple[str, ...] | Mapping[str, str] = ()
    is_whole = False
    try:
        outputs = layout.outputs(graph, outermost, layout.steps(graph.steps, outermost, None))
        if not layout.faults:
            layout.faults += _dangling(layout.entries, outputs)
        is_whole = True
    except Halt as halt:
        if halt.fault is not None:
            layout.complain(halt.fault)
    calls = tuple(entry for entry in layout.entries if isinstance(entry, Call))
    return Wiring(calls, outputs, tuple(layout.faults), is_whole)


def _dangling(entries: Sequence[Call | Used], outputs: tuple[str, ...] | Mapping[str, str]) -> list[Fault]:
    """Walk back from the outputs; a block's outputs count as one."""
    reached = set(outputs.values() if isinstance(outputs, Mapping) else outputs)
    dangling: dict[str, Step] = {}
    for entry in reversed(entries):
        if isinstance(entry, Used):
            if not reached & set(entry.outputs):
                dangling.setdefault(entry.step.path, entry.step)
            reached |= set(entry.outputs)
        elif reached & set(entry.gives):
            reached |= set(names_of(entry.takes))
        else:
            dangling.setdefault(entry.step.path, entry.step)
    help = "use its output in a later step, list it under `outputs:`, or remove the step"
    return [
        Fault(
            "dangling-step",
            f"the output of `{subject(step)}` reaches no output of the graph",
            step,
            "",
            help,
        )
        for step in dangling.values()
    ]


def output_names(graph: Graph) -> tuple[str, ...] | None:
    """Return the names by which `loss` and `metrics` know the outputs; None for one output without a name."""
    if graph.outputs is not None:
        return tuple(graph.outputs)
    gives = tuple(name for name in graph.steps[-1].gives if name != "_")
    return gives[:1] or None
