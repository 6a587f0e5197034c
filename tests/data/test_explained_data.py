"""What the explanations say of data, put to the proof with the data that they show."""

from pathlib import Path

import pytest
from explained import is_spec, labelled, read, written

from kexp.data.load import load
from kexp.errors import KexpError
from kexp.protocols import Site
from kexp.spec.explanations.page import Page
from kexp.spec.explanations.reading import read_chapter

CHAPTER = read_chapter("data")


def has_data(page: Page, label: str) -> bool:
    """Tell whether an example is a spec together with the data that it names, or needs none."""
    examples = labelled(page, label)
    return any(map(is_spec, examples)) and any(e.language in ("csv", "python") for e in examples)


def loaded(page: Page, label: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write the example's files, load its data, and return the ids of what is wrong with it."""
    monkeypatch.chdir(folder)
    spec = written(labelled(page, label), folder)
    for example in labelled(page, label):
        if example.language == "python" and not example.file:
            exec(compile(example.text, "example", "exec"), {})
    experiment = read(spec).experiment
    assert experiment is not None
    columns = tuple(port.column for port in experiment.graph.inputs or ())
    try:
        load(experiment.data, Site(folder, 0, columns, experiment.data.split.keys))
    except KexpError as error:
        return [diagnostic.id for diagnostic in error.diagnostics]
    return []


@pytest.mark.parametrize("name", [name for name, page in CHAPTER.items() if has_data(page, "wrong")])
def test_the_wrong_data_has_this_fault(name, tmp_path, monkeypatch):
    assert loaded(CHAPTER[name], "wrong", tmp_path, monkeypatch) == [name]


@pytest.mark.parametrize("name", [name for name, page in CHAPTER.items() if has_data(page, "right")])
def test_the_right_data_has_none(name, tmp_path, monkeypatch):
    assert loaded(CHAPTER[name], "right", tmp_path, monkeypatch) == []


def test_what_is_wrong_before_any_data_is_read(tmp_path, monkeypatch):
    page = CHAPTER["data-file-missing"]
    assert loaded(page, "wrong", tmp_path, monkeypatch) == ["data-file-missing"]
