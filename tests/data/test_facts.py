import io
from pathlib import Path

import numpy as np
from PIL import Image

from kexp.data.contact_sheet import contact_sheet, image_inputs
from kexp.data.facts import data_facts
from kexp.data.load import load
from kexp.protocols import DataFacts, Samples, Site
from kexp.report.data import as_mapping, data_text
from kexp.report.data_page import data_page
from kexp.spec.types import Data, Split

CSV = "age,income,kind\n10,1,young\n20,,young\n60,3,old\n70,4,old\n10,1,young\n80,5,old\n"


def facts(folder: Path) -> DataFacts:
    (folder / "t.csv").write_text(CSV)
    options = {"path": "t.csv", "target": "kind", "missing": {"income": "median"}}
    data = Data("csv", options, Split(test=2, shuffle=False))
    return data_facts(load(data, Site(folder, seed=0)), "csv", num_rows=1)


def test_columns_classes_leaks_and_examples_are_told(tmp_path: Path) -> None:
    assert data_text(facts(tmp_path)) == (
        "csv: 4 train, 2 test\n"
        "\n"
        "column           role    shape  dtype    low  mean  high\n"
        "features.age     input          float32   10    40    70\n"
        "features.income  input          float32    1  2.75     4  missing: 3\n"
        "kind             target         int32      0   0.5     1\n"
        "\n"
        "kind   train  test\n"
        "old        2     1  ████████████████████████\n"
        "young      2     1  ████████████████████████\n"
        "\n"
        "the first samples of train\n"
        "  features: 10 1   kind: young\n"
        "\n"
        "leak: 1 sample of test has the inputs of a sample of train, such as row 0 of test and row 0 of train"
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
    page = data_page("<b>mine</b>", facts(tmp_path), {"image": b"\x89PNG"})
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<b>mine</b>" not in page
    assert "http" not in page
    assert "data:image/png;base64,iVBORw==" in page


def test_a_contact_sheet_has_a_line_for_every_class() -> None:
    images = np.zeros((6, 16, 16), np.uint8)
    images[[1, 3]] = 255
    samples = Samples({"x": images, "v": np.zeros((6, 3))}, {"y": np.array([0, 1, 0, 1, 0, 0])})
    assert image_inputs(samples) == ["x"]
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(samples, "x"))))
    assert sheet.shape == (134, 266, 3)
    assert sheet[30, 30].tolist() == [0, 0, 0]
    assert sheet[100, 30].tolist() == [255, 255, 255]


def test_floats_and_colours_are_pictures_too() -> None:
    colours = Samples({"x": np.random.default_rng(0).normal(size=(3, 8, 8, 3))}, {})
    assert image_inputs(colours) == ["x"]
    assert Image.open(io.BytesIO(contact_sheet(colours, "x"))).size == (200, 68)
