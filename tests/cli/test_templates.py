"""Every template of `kexp init` runs: on its own data, on a table made here, or on made-up data."""

import random
from pathlib import Path

import pytest
from fakes import KERAS, train_spec

from kexp.document import load_document
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

TEMPLATES = Path(__file__).parents[2] / "kexp" / "cli" / "templates"
PATHS = pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.yaml")), ids=lambda path: path.stem)
NUMBERS = random.Random(0)


@PATHS
def test_a_template_says_how_it_goes_on(path):
    head = path.read_text().partition("kexp: 1\n")[0].splitlines()

    assert all(line.startswith("# ") for line in head)
    assert head[1].startswith(f"#   kexp validate {path.name}  ")
    assert parse_experiment(load_document(path)).name == path.stem


@PATHS
def test_a_template_runs_end_to_end(path, tmp_path):
    table(tmp_path / "data.csv", "width,height,label", lambda: f"{number()},{number()},{kind()}")
    table(tmp_path / "texts.csv", "text,label", lambda: f'"a {kind()}, or so",{kind()}')
    scope = "no-data" if "--no-data" in path.read_text() else "smoke"

    assert train_spec(copied(path, tmp_path), tmp_path, scope).state == "completed"


def test_several_inputs_are_columns_of_a_table(tmp_path):
    header = "age,visits,region,stays,spends"
    table(tmp_path / "customers.csv", header, lambda: f"{number()},3,7,{kind() == 'cat':d},{number()}")

    spec = copied(TEMPLATES / "several-inputs.yaml", tmp_path)
    assert train_spec(spec, tmp_path, "smoke").state == "completed"


def copied(template, folder):
    spec = folder / template.name
    spec.write_text(template.read_text())
    return spec


def table(path, header, row):
    path.write_text("\n".join([header, *(row() for _ in range(100))]) + "\n")


def number():
    return round(NUMBERS.random(), 3)


def kind():
    return NUMBERS.choice(["cat", "dog"])
