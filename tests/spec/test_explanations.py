"""Every diagnostic is explained, and every example does what the explanation says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from explained import faults_explained, found, is_spec, labelled, written

from kexp.spec.explanations.page import Page
from kexp.spec.explanations.reading import WORDS, read_chapter

KEXP = Path(__file__).parents[2] / "kexp"
EXPLAINED = faults_explained()
WORDS_EXPLAINED = read_chapter(WORDS)

NO_IDS = {"get-url", "made-up", "no-data", "rev-parse", "utf-32-le", "utf-8", "utf-8-sig"}
"""What looks like an id in the source, and is none."""

MADE_OF_PARTS = {
    "unknown-{noun}": [
        *("layer", "application", "optimizer", "schedule", "loss", "metric", "callback"),
        *("initializer", "regularizer", "constraint", "activation"),
    ],
    "{name}-split-given": ["val", "test"],
}
"""Ids that the source puts together, and what their `{…}` stands for."""

NOT_SHOWN = {
    "not-static": "is found when the graph is built",
    "too-deep": "would need 66 blocks",
}
"""Ids of the static check whose wrong example the static check passes."""

WIDEST = 92
"""Characters in a line of an example, which a terminal of a hundred columns shows unbroken."""

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
_SAYERS = ("Diagnostic", "Fault", "Objection", "because", "fault", "refuse", "warn")
"""What takes an id first."""


def ids_in(path: Path) -> Iterator[str]:
    """Yield what is said to be an id, and what looks like one where an id may stand."""
    for node in ast.walk(ast.parse(path.read_text())):
        said: list[ast.expr] = []
        likely: list[ast.expr] = []
        match node:
            case ast.Call(func=function, args=[first, *_]) if _name_of(function) in _SAYERS:
                said = [first]
            case ast.Assign(targets=[ast.Name(id="id")], value=value):
                said = [value]
            case ast.Return(value=ast.JoinedStr() as value) if texts(value)[0] in MADE_OF_PARTS:
                said = [value]
            case ast.Call(args=arguments):
                likely = arguments
            case (
                ast.Return(value=ast.Tuple(elts=[first, *_])) | ast.Assign(value=ast.Tuple(elts=[first, *_]))
            ):
                likely = [first]
        yield from (id for part in said for text in texts(part) for id in expanded(text))
        alike = (text for part in likely for text in texts(part) if _ID.fullmatch(text))
        yield from (text for text in alike if text not in NO_IDS)


def _name_of(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def texts(node: ast.expr) -> list[str]:
    """Return the text of a constant, of both sides of a choice, or of an f-string as it is written."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*texts(body), *texts(orelse)]
        case ast.JoinedStr():
            return [ast.unparse(node)[2:-1]]
    return []


def expanded(text: str) -> list[str]:
    """Return the ids that an f-string makes; the text itself where it is plain."""
    parts = MADE_OF_PARTS[text] if "{" in text else [""]
    return [re.sub(r"\{.*\}", part, text) for part in parts]


def ids_of(*folders: str) -> set[str]:
    return {id for folder in folders for path in (KEXP / folder).rglob("*.py") for id in ids_in(path)}


def test_every_diagnostic_is_explained_and_every_explanation_has_one():
    assert sorted(ids_of(".")) == sorted(EXPLAINED), (
        "write what is missing into a chapter of kexp/spec/explanations, or name it in NO_IDS"
    )


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_explanation_is_short_and_shows_what_is_wrong_and_what_is_right(name):
    page = EXPLAINED[name]

    assert [bool(labelled(page, label)) for label in ("wrong", "right", "")] == [True, True, False]
    assert 30 < len(page.text) < 440
    assert page.text.endswith(".")
    assert "\n" not in page.text
    assert [line for line in lines_of(page) if len(line) > WIDEST and name != "yaml-too-deep"] == []


def lines_of(page: Page) -> list[str]:
    return [line for example in page.examples for line in example.text.split("\n")]


STATIC = [
    name
    for name in sorted(ids_of("spec", "document") & set(EXPLAINED))
    if any(map(is_spec, labelled(EXPLAINED[name], "wrong")))
]


def test_most_diagnostics_of_the_static_check_are_shown_by_a_spec():
    without = ids_of("spec", "document") - set(STATIC)

    assert without == {
        *("another-keras", "override-path", "override-syntax", "too-many-bases", "too-many-faults"),
        *("spec-not-found", "spec-not-readable", "spec-not-utf8", "spec-too-large", "yaml-character"),
    }


@pytest.mark.parametrize("name", STATIC)
def test_the_wrong_example_has_this_fault_and_no_other(name, tmp_path):
    spec = written(labelled(EXPLAINED[name], "wrong"), tmp_path)

    assert found(spec) == ([] if name in NOT_SHOWN else [name])


WITH_SPECS = [
    (name, label)
    for name, page in EXPLAINED.items()
    for label in ("wrong", "right")
    if any(map(is_spec, labelled(page, label))) and not (label == "wrong" and name in STATIC)
]


@pytest.mark.parametrize(("name", "label"), WITH_SPECS)
def test_every_other_example_passes_the_static_check(name, label, tmp_path):
    assert found(written(labelled(EXPLAINED[name], label), tmp_path)) == []


@pytest.mark.parametrize("name", WORDS_EXPLAINED)
def test_the_example_of_a_word_is_right(name, tmp_path):
    page = WORDS_EXPLAINED[name]

    assert found(written(page.examples, tmp_path)) == []
    assert [line for line in lines_of(page) if len(line) > WIDEST] == []
