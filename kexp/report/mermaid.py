"""A drawing as a Mermaid flowchart."""

from collections.abc import Iterator

from kexp.report.boxes import Drawing, Node

_SHAPES = {"input": ("([", "])"), "block": ("[[", "]]"), "expr": ("{{", "}}"), "reuse": ("(", ")")}
_CLASSES = (
    "classDef input fill:#e3f3e8,stroke:#3c9a5f,color:#12331f",
    "classDef output fill:#fdebdc,stroke:#d9772b,color:#4a2408",
    "classDef reuse stroke-dasharray:4 3",
)


def mermaid(drawing: Drawing) -> str:
    """Return the model as `flowchart TD`, blocks as subgraphs of their own."""
    lines = ["flowchart TD", *_statements(drawing, 1)]
    for number, part in enumerate(drawing.parts):
        lines += [f"    subgraph part_{number}[{_quoted(part.title)}]", *_statements(part, 2), "    end"]
    lines += [f"    {line}" for line in _CLASSES]
    for kind in ("input", "output", "reuse"):
        chosen = [node.id for node in _all(drawing) if _class(node) == kind]
        lines += [f"    class {','.join(chosen)} {kind}"] if chosen else []
    return "\n".join(lines)


def _statements(drawing: Drawing, depth: int) -> list[str]:
    pad = "    " * depth
    lines = []
    for node in drawing.nodes:
        if node.inside is None:
            opening, closing = _SHAPES.get(node.kind, ("[", "]"))
            lines.append(f"{pad}{node.id}{opening}{_label(node)}{closing}")
        else:
            lines.append(f"{pad}subgraph {node.id}[{_label(node)}]")
            lines += [*_statements(node.inside, depth + 1), f"{pad}end"]
    for edge in drawing.edges:
        label = f"|{_quoted(edge.label)}|" if edge.label else ""
        lines.append(f"{pad}{edge.source} -->{label} {edge.target}")
    return lines


def _class(node: Node) -> str:
    if node.output is not None and node.inside is None:
        return "output"
    return node.kind


def _all(drawing: Drawing) -> Iterator[Node]:
    for node in drawing.nodes:
        yield node
        if node.inside is not None:
            yield from _all(node.inside)
    for part in drawing.parts:
        yield from _all(part)


def _label(node: Node) -> str:
    heading = f"{node.title} {node.name}".strip()
    if node.output not in (None, "", *node.name.split(", ")):
        heading = f"{heading} → {node.output}"
    return _quoted(*(part for part in (heading, node.detail) if part))


def _quoted(*lines: str) -> str:
    """Return a label that Mermaid takes as text, whatever it holds."""
    return f'"{"<br/>".join(_escaped(line) for line in lines)}"'


def _escaped(text: str) -> str:
    marks = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\n": " "}
    return "".join(marks.get(character, character) for character in text)
