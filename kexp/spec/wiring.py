"""Which tensor goes where: blocks and repeats laid out, names resolved, layers named, faults found.

The builder only follows the calls. Values that need data or graph stay formulas, each with the view it is
computed in.
"""

from collections.abc import Mapping, Sequence

from kexp.spec.calls import Call, Fault, Halt, Used, Wiring, names_of, subject
from kexp.spec.labels import snake_case
from kexp.spec.layout import Layout
from kexp.spec.scopes import Scope, View
from kexp.spec.types import Block, Graph, Step

__all__ = ["Call", "Fault", "Wiring", "output_names", "snake_case", "wire"]


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
    outermost = Scope(scope, view.values if view else {})
    for name in inputs or ():
        outermost.give(name, scope + name)
    outputs: tuple[str, ...] | Mapping[str, str] = ()
    try:
        outputs = layout.outputs(graph, outermost, layout.steps(graph.steps, outermost, None))
        if not layout.faults:
            layout.faults += _dangling(layout.entries, outputs)
    except Halt as halt:
        if halt.fault is not None:
            layout.complain(halt.fault)
    calls = tuple(entry for entry in layout.entries if isinstance(entry, Call))
    return Wiring(calls, outputs, tuple(layout.faults))


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
