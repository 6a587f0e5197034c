"""The three ways to draw a spec's graph."""

from kexp.report.drawing import drawing
from kexp.report.listing import listing
from kexp.report.mermaid import mermaid
from kexp.report.svg import svg
from kexp.spec.types import Experiment


def graph_text(experiment: Experiment, form: str) -> str:
    """Return the graph as `text`, `mermaid` or `svg`."""
    if form == "text":
        return listing(experiment)
    drawn = drawing(experiment)
    return mermaid(drawn) if form == "mermaid" else svg(drawn)
