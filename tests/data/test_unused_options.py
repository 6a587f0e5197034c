"""Options that would change nothing are refused, or doubted, where they stand."""

from pathlib import Path

import numpy as np
import pytest

from kexp.data.load import read_table
from kexp.diagnostics import render
from kexp.document import parse_document
from kexp.errors import SpecError
from kexp.protocols import Site
from kexp.spec.parse import check
from kexp.spec.types import Data

REST = "\nmodel: {layers: [{Dense: 1}]}\ntrain: {optimizer: sgd, loss: mse}\n"


def said(data: str) -> list[str]:
    """Return what is said of `data`, each with the text under which it is said."""
    checked = check(parse_document(f"kexp: 1\ndata: {data}{REST}".encode(), "spec.yaml", Path()))
    faults = [fault for fault in checked.diagnostics if fault.path.startswith("data")]
    assert all(fault.span is not None for fault in faults)
    return [f"{fault.severity}[{fault.id}] {fault.path}: {fault.message}; {fault.help}" for fault in faults]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (
            "source: text, path: texts, stride: 3",
            "data.stride: `stride` changes nothing without `window`; add `window:`, or remove it",
        ),
        (
            "source: text, path: texts, predict: last",
            "data.predict: `predict` changes nothing without `window`; add `window:`, or remove it",
        ),
        (
            "source: text, path: t.txt, window: 3, class_names: [a]",
            "data.class_names: `class_names` changes nothing beside `window`;"
            " remove `class_names` or `window`",
        ),
        (
            "source: images, path: d, file: name",
            "data.file: `file` changes nothing without `table`; add `table:`, or remove it",
        ),
        (
            "source: images, path: d, fit: crop",
            "data.fit: `fit` changes nothing without `image_size`; add `image_size:`, or remove it",
        ),
        (
            "source: images, path: d, masks: m, target: kind",
            "data.target: `target` changes nothing beside `masks`; remove `target` or `masks`",
        ),
    ],
)
def test_an_option_without_what_it_needs_is_refused(option: str, text: str) -> None:
    assert said(f"{{{option}}}") == [f"error[option-not-used] {text}"]


def test_options_that_are_used_or_null_are_not() -> None:
    assert said("{source: text, path: t.txt, window: 3, stride: 3, level: byte}") == []
    assert said("{source: text, path: texts, stride: null, class_names: [a, b]}") == []


def test_how_to_cut_is_doubted_where_nothing_is_cut() -> None:
    assert said("{source: csv, path: t.csv, target: y, split: {stratify: true, seed: 3}}") == [
        "warning[option-not-used] data.split.stratify: `stratify` changes nothing: no split is cut off;"
        " add `val`, `test` or `fold`",
        "warning[option-not-used] data.split.seed: `seed` changes nothing: no split is cut off;"
        " add `val`, `test` or `fold`",
    ]


@pytest.mark.parametrize(
    ("split", "way"), [("test: 0.1", "write `shuffle: false`, or "), ("fold: {k: 3, index: 0}", "")]
)
def test_windows_that_share_text_are_not_drawn_into_splits(split: str, way: str) -> None:
    assert said(f"{{source: text, path: t.txt, window: 64, stride: 8, split: {{{split}}}}}") == [
        "error[windows-overlap] data.split: windows of 64 that begin every 8 share text,"
        f" which would be in several splits; {way}leave out `stride`"
    ]


def test_a_second_file_of_weights_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones(2))
    files = {"x": "a.npy", "sample_weight": {"a": "a.npy", "b": "a.npy"}}
    with pytest.raises(SpecError) as caught:
        read_table(Data("npy", {"path": files}), Site(tmp_path, seed=0))
    assert render(caught.value.diagnostics) == (
        "error[option-not-used]: `b` is a second file of weights, and a sample has one weight\n"
        "  --> data.path.sample_weight.b"
    )
