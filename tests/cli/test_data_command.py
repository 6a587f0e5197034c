"""`kexp data`: what it writes where, and what it does without."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.xdist_group("cli")

TABLE = "age,kind\n10,young\n20,young\n60,old\n70,old\n80,old\n"
SPEC = """\
seed: 1
data: {source: csv, path: t.csv, target: kind, split: {val: 1, shuffle: false}}
model: {layers: [{Dense: {units: 2, activation: softmax}}]}
train: {optimizer: sgd, loss: sparse_categorical_crossentropy}
"""
IMAGES = """\
data: {source: synthetic, inputs: {image: [12, 12, 1]}, targets: {label: 3}, samples: 40}
preprocess: {image: {Rescaling: {scale: 2.0, offset: -1.0}}}
augment: {image: RandomFlip}
model: {layers: [Flatten, {Dense: {units: 3, activation: softmax}}]}
train: {optimizer: sgd, loss: sparse_categorical_crossentropy, epochs: 2}
"""
LIGHT = """
import runpy, sys
sys.argv = ["kexp", "data", "spec.yaml"]
try:
    runpy.run_module("kexp", run_name="__main__")
except SystemExit as end:
    code = end.code
print([code or 0, sorted({"keras", "tensorflow", "sklearn", "pandas", "safetensors"} & set(sys.modules))])
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def test_a_spec_without_layers_before_the_model_is_described_without_keras(table):
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, cwd=table, check=False
    )

    assert done.stdout.startswith("csv: 4 train, 1 val\n"), done.stderr
    assert done.stdout.splitlines()[-1] == "[0, []]"


def test_a_file_that_exists_is_replaced_only_on_demand(kexp, table):
    page = table / "page.html"
    page.write_text("mine")
    refused = kexp("data", "spec.yaml", "--html", page)
    assert (refused.returncode, page.read_text()) == (2, "mine")
    assert f"error[file-exists]: `{page}` exists\nhelp: `--force` replaces it" in refused.stderr

    done = kexp("data", "spec.yaml", "--html", page, "--force")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"wrote {page}\n")
    assert page.read_text().startswith("<!doctype html>")


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(kexp, table):
    (table / "t.csv").unlink()
    done = kexp("data", "spec.yaml", "--png", "nowhere/sheet.png")

    assert (done.returncode, done.stderr) == (2, "error[not-writable]: there is no folder `nowhere`\n")


def test_data_without_images_has_no_sheet(kexp, table):
    done = kexp("data", "spec.yaml", "--png", "sheet.png")

    assert (done.returncode, done.stderr) == (
        2,
        "error[no-images-to-show]: no input of this data is an image\n",
    )


def test_a_fault_of_the_layers_comes_after_what_the_data_is(kexp, table):
    (table / "spec.yaml").write_text(SPEC + "preprocess: {aged: {from: agee, layers: Normalization}}\n")
    done = kexp("data", "spec.yaml")

    assert done.returncode == 2
    assert done.stdout.startswith("csv: 4 train, 1 val\n")
    assert done.stderr.startswith("error[unknown-column]: the data has no input `agee`\n --> spec.yaml:5:")


def test_sheets_a_page_and_json_are_written_together(kexp, tmp_path):
    (tmp_path / "spec.yaml").write_text(IMAGES)
    done = kexp("data", "spec.yaml", "--png", "s.png", "--html", "p.html", "--json", "--rows", "1")

    assert (done.returncode, done.stderr) == (0, "wrote p.html\nwrote s.png\n")
    told = json.loads(done.stdout)
    assert told["notes"][-1] == "the spec has no `seed`: a training draws other changes than those shown"
    assert list(told["preprocess"]) == list(told["augment"]) == ["image"]
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "p.html").read_text().count("<img alt=") == 2


def test_data_that_no_memory_holds_are_no_bug(kexp, tmp_path):
    (tmp_path / "big.yaml").write_text(
        "data: {source: synthetic, samples: 2000000000000000, inputs: {x: {shape: [100]}}, targets: {y: 3}}\n"
        "model: {layers: [{Dense: {units: 3, activation: softmax}}]}\n"
        "train: {optimizer: adam, loss: sparse_categorical_crossentropy}\n"
    )
    done = kexp("data", "big.yaml")

    assert (done.returncode, done.stderr) == (
        1,
        "error[out-of-memory]: there is not enough memory: Unable to allocate 711. PiB for an array with "
        "shape (2000000000000000, 100) and data type float32\n"
        "help: take fewer samples at a time; `data: {cache: none}` reads them only as they are used\n",
    )
