"""A spec's graph as aligned lines of text, blocks and repeats as the spec has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kexp.diagnostics import printable
from kexp.report.labels import arguments, detail, heading, shape, times, title
from kexp.spec.canonical import operands
from kexp.spec.types import Block, Component, Experiment, Expr, Graph, Group, Operands, Step

_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Row:
    depth: int
    what: str
    name: str = ""
    detail: str = ""
    takes: str = ""


def listing(experiment: Experiment) -> str:
    """Return the model, then the blocks it uses; an arrow says what a step takes if not the one above."""
    model = experiment.model
    if isinstance(model, Component):
        graphs = {name: value for name, value in (model.options or {}).items() if isinstance(value, Graph)}
        parts = [[model.name]]
        parts += [_part(name, graph) for name, graph in graphs.items()]
    else:
        parts = [_part(experiment.name, model)]
    parts += [_block(name, block) for name, block in experiment.blocks.items()]
    return printable("\n\n".join("\n".join(part) for part in parts))


def _part(name: str, graph: Graph) -> list[str]:
    return [f"{name}{_outputs(graph)}", *_lines([*_inputs(graph, 1), *_rows(graph.steps, 1)])]


def _block(name: str, block: Block) -> list[str]:
    return _part(heading(name, block), block.graph)


def _inputs(graph: Graph, depth: int) -> list[Row]:
    return [Row(depth, "input", port.name, _port(port.shape, port.dtype)) for port in graph.inputs or ()]


def _port(sizes: object, dtype: str) -> str:
    shown = shape(sizes)  # type: ignore[arg-type]
    return f"{shown} {dtype}".strip() if dtype != "float32" else shown


def _outputs(graph: Graph) -> str:
    if graph.outputs is None:
        return ""
    if isinstance(graph.outputs, Mapping):
        listed = [key if key == name else f"{key}={name}" for key, name in graph.outputs.items()]
    else:
        listed = list(graph.outputs)
    return f" → {', '.join(listed)}"


def _rows(steps: tuple[Step, ...], depth: int) -> Iterator[Row]:
    for step in steps:
        what = step.what
        words = f"{title(what)} {times(step, {})}".strip()
        takes = what.names if isinstance(what, Expr) else ()
        shown = operands(Operands(takes)) if takes else operands(step.takes)
        names = ", ".join(step.gives)
        name = f"{step.layer_name}({names})" if step.layer_name else names
        yield Row(depth, words, name, f"{detail(step, {})}{_lists(step)}", shown)
        if isinstance(what, Group):
            yield from _rows(what.steps, depth + 1)
        elif isinstance(what, Graph):
            yield from _inputs(what, depth + 1)
            yield from _rows(what.steps, depth + 1)


def _lists(step: Step) -> str:
    """Return the lists that a repeat goes through."""
    if not isinstance(step.repeat, Mapping):
        return ""
    listed = arguments(step.repeat, {}, None)
    return f" for {listed}" if detail(step, {}) else f"for {listed}"


def _lines(rows: list[Row]) -> list[str]:
    """Align the columns; the arrows come last."""
    cells = [(f"{_INDENT * row.depth}{row.what}", row.name, row.detail) for row in rows]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    widths[2] = min(widths[2], 48)
    lines = []
    for row, cell in zip(rows, cells, strict=True):
        line = "  ".join(f"{text:<{width}}" for text, width in zip(cell, widths, strict=True) if width)
        lines.append(f"{line}  ← {row.takes}" if row.takes else line.rstrip())
    return lines
