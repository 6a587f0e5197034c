"""YAML text -> Document: every value keeps its place, and scalars follow YAML 1.2's core schema."""

from kexp.document.nodes import Document, Entries, Items, Node, Plain, Scalar, path_parts, plain, texts
from kexp.document.reading import load_document, parse_document, parse_value
from kexp.document.scalars import means_other_than_text

__all__ = [
    "Document",
    "Entries",
    "Items",
    "Node",
    "Plain",
    "Scalar",
    "load_document",
    "means_other_than_text",
    "parse_document",
    "parse_value",
    "path_parts",
    "plain",
    "texts",
]
