import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kexp.data import lazy
from kexp.data.facts import column_facts, data_facts, shown
from kexp.data.lazy import Mapped
from kexp.data.load import load
from kexp.protocols import ColumnFacts, DataFacts, Learnt, Passage, Passed, Site, Version
from kexp.report.columns import column_line, column_table
from kexp.report.data import as_mapping, data_text
from kexp.report.data_page import Picture, data_page
from kexp.report.passages import learnt_lines
from kexp.spec.types import Data, Split

CSV = "age,income,kind\n10,1,young\n20,,young\n60,3,old\n70,4,old\n10,1,young\n80,5,old\n"


def facts(folder: Path) -> DataFacts:
    (folder / "t.csv").write_text(CSV)
    options = {"path": "t.csv", "target": "kind", "missing": {"income": "median"}}
    data = Data("csv", options, Split(test=2, shuffle=False))
    return data_facts(load(data, Site(folder, seed=0)), "csv", num_rows=1)


def test_columns_classes_leaks_and_examples_are_told(tmp_path: Path) -> None:
    assert data_text(facts(tmp_path)).replace(f"{tmp_path}/", "") == (
        "csv: 4 train, 2 test\n"
        "\n"
        "column           role    shape  dtype    low  mean  high\n"
        "features.age     input          float32   10    40    70\n"
        "features.income  input          float32    1  2.75     4  3 where missing\n"
        "kind             target         int32      0   0.5     1\n"
        "\n"
        "kind   train  test\n"
        "old        2     1  ████████████████████████\n"
        "young      2     1  ████████████████████████\n"
        "\n"
        "the first samples of train\n"
        "  features  kind\n"
        "  10 1      young\n"
        "\n"
        "leak: 1 sample of test has the inputs of a sample of train, "
        "such as row 0 of test and row 0 of train\n"
        "missing: `income` in 1 of 6 rows of `t.csv`"
    )


def test_json_says_the_same(tmp_path: Path) -> None:
    told = as_mapping(facts(tmp_path))
    assert told["schema"] == 1
    assert told["duplicates"] == [{"first": "train", "second": "test", "count": 1, "example": (0, 0)}]
    splits = told["splits"]
    assert isinstance(splits, dict)
    assert splits["test"]["classes"] == {"kind": {"old": 1, "young": 1}}
    assert splits["train"]["columns"][1] == {
        "name": "features.income",
        "role": "input",
        "shape": (),
        "dtype": "float32",
        "low": 1.0,
        "mean": 2.75,
        "high": 4.0,
        "num_distinct": None,
        "filled": 3.0,
    }


def test_the_page_needs_no_network_and_escapes_what_it_shows(tmp_path: Path) -> None:
    page = data_page("<b>mine</b>", facts(tmp_path), [Picture("the input <x>", "black is 0", b"\x89PNG")])
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<b>mine</b>" not in page
    assert "http" not in page
    assert "<h2>The input &lt;x&gt;</h2>\n<p>black is 0</p>" in page
    assert "data:image/png;base64,iVBORw==" in page


def test_samples_that_are_too_wide_for_a_table_have_their_columns_below_one_another(tmp_path: Path) -> None:
    first = facts(tmp_path).splits[0]
    wide = replace(first, rows=({"text": "a" * 60, "title": "b" * 60},))
    told = data_text(DataFacts("csv", (wide,), (), ()))
    assert told.endswith(
        f"the first samples of train\n  row 0  text   {'a' * 60}\n         title  {'b' * 60}"
    )


def test_classes_are_shown_by_their_names_and_characters_as_they_are_written() -> None:
    assert shown(1, ("cat", "dog")) == "dog"
    assert shown([1, 0], ("cat", "dog")) == "dog cat"
    assert shown([2, 0, 1], ("\n", "b", "a")) == "a⏎b"
    assert shown([0.123456, 2.0]) == "0.1235 2"
    assert shown("one\ntwo") == "one⏎two"
    assert shown(list(range(40))) == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 …"


def test_a_mean_that_only_rounding_keeps_from_zero_is_zero() -> None:
    (line,) = column_table([ColumnFacts("x", "input", (), "float32", -3.0, 2e-8, 4.0)])[1:]
    assert line[4:7] == ("-3", "0", "4")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([3.0, math.nan, -1.0, math.inf], ("-1", "nan", "3", "some NaN or infinite")),
        ([math.nan, -math.inf], ("", "nan", "", "all NaN or infinite")),
        ([[], [], []], ("", "", "", "no values")),
        ([], ("", "", "", "no values")),
        ([True, False], ("0", "0.5", "1", "")),
    ],
)
def test_a_range_is_of_finite_values_and_others_are_told(values: list[object], told: tuple[str, ...]) -> None:
    assert column_line(column_facts("x", "input", np.array(values)))[4:] == told


def test_values_that_are_not_finite_are_told_in_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "CHUNK_BYTES", 8)
    column = Mapped(np.array([math.nan, 2.0, 4.0]))
    assert column_line(column_facts("x", "input", column, 7))[4:] == (
        "2",
        "nan",
        "4",
        "some NaN or infinite, 7 where missing",
    )


def test_whole_numbers_of_a_vocabulary_are_told_in_full() -> None:
    learnt = Learnt("vocabulary", 3, (-1, 1234567, 0.123456))
    assert learnt_lines(Passage("x", (("IntegerLookup", (learnt,)),), (), (), ())) == [
        "IntegerLookup learnt a vocabulary of 3: -1, 1234567, 0.1235"
    ]


SIZE = ColumnFacts("size", "input", (), "float32", 20.0, 90.0, 250.0)
WORDS = ColumnFacts("text", "input", (), "text", num_distinct=9)
PREPROCESS = (
    Passage(
        "size",
        (("Rescaling", ()), ("Normalization", (Learnt("mean", 1, (92.0,)), Learnt("std", 1, (31.25,))))),
        (SIZE,),
        (ColumnFacts("size", "input", (1,), "float32", -2.0, 0.0, 5.0),),
        (Passed(0, {"size": "68"}, (Version({"size": "-0.76"}),)),),
    ),
    Passage(
        "words",
        (("TextVectorization", (Learnt("vocabulary", 5000, ("", "[UNK]", "the")),)),),
        (WORDS,),
        (ColumnFacts("words", "input", (60,), "int32", 0.0, 3.5, 4999.0),),
        (Passed(0, {"text": "t" * 40}, (Version({"words": "2 1 0"}),)),),
    ),
)
AUGMENT = (
    Passage(
        "size, shares",
        (("own.py:noise", ()),),
        (SIZE,),
        (SIZE,),
        (
            Passed(
                7,
                {"size": "1", "shares": "0 1"},
                (
                    Version({"size": "1.1", "shares": "0 1"}, 1, 1),
                    Version({"size": "0.9", "shares": "1 0"}, 2, 13),
                ),
            ),
        ),
    ),
    Passage("image", (("RandomFlip", ()), ("RandomZoom", ())), (SIZE,), (SIZE,), (), is_drawn=True),
)


def told_with_passages(folder: Path) -> DataFacts:
    return replace(facts(folder), preprocess=PREPROCESS, augment=AUGMENT)


def test_it_is_told_what_layers_make_of_samples(tmp_path: Path) -> None:
    text = data_text(told_with_passages(tmp_path))
    start, end = text.index("what `preprocess`"), text.index("leak:")
    assert text[start:end] == (
        "what `preprocess` makes of train\n"
        "\n"
        "size: Rescaling → Normalization\n"
        "  Normalization learnt mean 92\n"
        "  Normalization learnt std 31.25\n"
        "          column  shape  dtype    low  mean  high\n"
        "  before  size           float32   20    90   250\n"
        "  after   size    [1]    float32   -2     0     5\n"
        "  row 0: 68 → -0.76\n"
        "\n"
        "words: TextVectorization\n"
        '  TextVectorization learnt a vocabulary of 5,000: "", [UNK], the, …\n'
        "          column  shape  dtype  low  mean  high\n"
        "  before  text           text                    9 different\n"
        "  after   words   [60]   int32    0   3.5  4999\n"
        f"  row 0: {'t' * 40}\n"
        "    → 2 1 0\n"
        "\n"
        "what `augment` makes of the first step's samples\n"
        "\n"
        "size, shares: own.py:noise\n"
        "          column  shape  dtype    low  mean  high\n"
        "  before  size           float32   20    90   250\n"
        "  after   size           float32   20    90   250\n"
        "  row 7: size: 1   shares: 0 1\n"
        "    epoch 1, step 1  → size: 1.1   shares: 0 1\n"
        "    epoch 2, step 13 → size: 0.9   shares: 1 0\n"
        "\n"
        "image: RandomFlip → RandomZoom\n"
        "          column  shape  dtype    low  mean  high\n"
        "  before  size           float32   20    90   250\n"
        "  after   size           float32   20    90   250\n"
        "  `--png FILE` and `--html FILE` show pictures of it\n"
        "\n"
    )


def test_the_page_tells_it_too(tmp_path: Path) -> None:
    page = data_page("mine", told_with_passages(tmp_path), [])
    assert "<h2>What <code>preprocess</code> makes of train</h2>" in page
    assert (
        "<h3>words</h3>\n"
        "<p>TextVectorization<br>"
        "TextVectorization learnt a vocabulary of 5,000: &quot;&quot;, [UNK], the, …</p>"
    ) in page
    assert (
        "<tr><td>7</td><td>size: 1   shares: 0 1</td><td>epoch 1, step 1</td>"
        "<td>size: 1.1   shares: 0 1</td></tr>"
        "<tr><td></td><td></td><td>epoch 2, step 13</td><td>size: 0.9   shares: 1 0</td></tr>"
    ) in page


def test_json_has_it_where_the_spec_has_such_sections(tmp_path: Path) -> None:
    assert {"preprocess", "augment"} & as_mapping(facts(tmp_path)).keys() == set()
    told = as_mapping(told_with_passages(tmp_path))
    preprocess, augment = told["preprocess"], told["augment"]
    assert isinstance(preprocess, dict)
    assert isinstance(augment, dict)
    assert list(preprocess) == ["size", "words"]
    assert preprocess["size"]["layers"] == [
        {"name": "Rescaling", "learnt": {}},
        {
            "name": "Normalization",
            "learnt": {"mean": {"size": 1, "first": (92.0,)}, "std": {"size": 1, "first": (31.25,)}},
        },
    ]
    assert [column["name"] for column in preprocess["words"]["before"]] == ["text"]
    assert augment["size, shares"]["rows"] == [
        {
            "row": 7,
            "before": {"size": "1", "shares": "0 1"},
            "after": [
                {"values": {"size": "1.1", "shares": "0 1"}, "epoch": 1, "step": 1},
                {"values": {"size": "0.9", "shares": "1 0"}, "epoch": 2, "step": 13},
            ],
        }
    ]
