"""The examples of explanations, completed into specs and written to a folder."""

import re
from collections.abc import Iterable
from pathlib import Path

from kexp.diagnostics import Diagnostic
from kexp.document import load_document
from kexp.errors import KexpError
from kexp.spec.bases import extend
from kexp.spec.explanations.page import Example, Page
from kexp.spec.explanations.reading import FAULTS, read_chapter
from kexp.spec.parse import Checked, check

FRAME = {
    "kexp": "kexp: 1",
    "data": "data: {source: npz, path: data.npz}",
    "model": "model: {layers: [{Dense: 1}]}",
    "train": "train: {optimizer: adam, loss: mse}",
}


def faults_explained() -> dict[str, Page]:
    return {name: page for chapter in FAULTS for name, page in read_chapter(chapter).items()}


def is_spec(example: Example) -> bool:
    return example.language == "yaml" and not example.file


def labelled(page: Page, label: str) -> list[Example]:
    return [example for example in page.examples if example.label == label]


def completed(text: str) -> str:
    """Put the sections that an example leaves out in front of it; one without any section stays as it is."""
    given = re.findall(r"^(\w+):", text, re.MULTILINE)
    frame = [line for section, line in FRAME.items() if section not in given] if given else []
    return "\n".join([*frame, text, ""])


def written(examples: Iterable[Example], folder: Path) -> Path:
    """Write the files of an example, and return its spec."""
    for example in examples:
        if example.file:
            (folder / example.file).write_text(f"{example.text}\n", encoding="utf-8")
        elif is_spec(example):
            (folder / "spec.yaml").write_text(completed(example.text), encoding="utf-8")
    return folder / "spec.yaml"


def read(spec: Path) -> Checked:
    return check(extend(load_document(spec)).document)


def found(spec: Path) -> list[str]:
    """Return the ids of all that the static check finds, warnings too."""
    return [diagnostic.id for diagnostic in _diagnostics(spec)]


def faults_in(spec: Path) -> list[str]:
    """Return the ids of what the static check finds wrong, warnings left out."""
    return [diagnostic.id for diagnostic in _diagnostics(spec) if diagnostic.severity == "error"]


def _diagnostics(spec: Path) -> tuple[Diagnostic, ...]:
    try:
        return read(spec).diagnostics
    except KexpError as error:
        return error.diagnostics
