import io
import json
import re
from pathlib import Path

import pytest
from fakes import KERAS, machine

from kexp.cli.commands import app_for
from kexp.cli.streams import Streams

pytestmark = KERAS

GOOD = """\
kexp: 1
data: {source: sklearn, dataset: digits, split: {val: 0.1}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense: {units: 10, activation: softmax}
train:
  optimizer: adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
"""
BROKEN = GOOD.replace("units: 10", "unit: 10").replace("metrics: [accuracy]", "epohcs: 3")
DOUBTFUL = GOOD.replace("activation: softmax", "activation: relu")

BROKEN_TEXT = """\
error[unknown-argument]: `Dense` has no argument `unit`
 --> broken.yaml:6:15  (model.layers[1].Dense.unit)
  |
6 |     - Dense: {unit: 10, activation: softmax}
  |               ^^^^
help: did you mean `units`?

error[unknown-key]: `train` has no key `epohcs`
  --> broken.yaml:10:3  (train.epohcs)
   |
10 |   epohcs: 3
   |   ^^^^^^
help: did you mean `epochs`?
"""
DOUBTFUL_TEXT = (
    "warning[probabilities-expected]: "
    "`sparse_categorical_crossentropy` takes probabilities, and the output ends in `relu`\n"
    " --> doubtful.yaml:9:9  (train.loss)\n"
    "  |\n"
    "9 |   loss: sparse_categorical_crossentropy\n"
    "  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    " --> doubtful.yaml:6:38\n"
    "  |\n"
    "6 |     - Dense: {units: 10, activation: relu}\n"
    "  |                                      ^^^^ the output ends here\n"
    "help: end the model with `softmax`, or write `SparseCategoricalCrossentropy: {from_logits: true}`\n"
)


@pytest.fixture(autouse=True)
def specs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, text in (("good", GOOD), ("broken", BROKEN), ("doubtful", DOUBTFUL)):
        Path(f"{name}.yaml").write_text(text)


@pytest.fixture
def backend(monkeypatch):
    """Let Keras be imported as for the other tests of this process."""
    machine()
    monkeypatch.setattr("kexp.train.backend.prepare", lambda runtime, seed: machine())


@pytest.fixture
def validate(capfd):
    """Run the command; return its exit code, and what it wrote to stdout and stderr."""

    def run(*arguments):
        capfd.readouterr()  # what a backend wrote when it was imported
        code = app_for()(["validate", *map(str, arguments)], obj=Streams(), standalone_mode=False)
        return code or 0, *capfd.readouterr()

    return run


# ---------------------------------------------------------------- what is found, and the exit code


def test_a_spec_without_faults(validate):
    assert validate("good.yaml") == (0, "", "1 file: nothing wrong\n")


def test_all_faults_of_a_spec(validate):
    assert validate("broken.yaml") == (2, BROKEN_TEXT, "1 file: 2 errors\n")


def test_a_warning_fails_only_when_strict(validate):
    assert validate("doubtful.yaml") == (0, DOUBTFUL_TEXT, "1 file: 1 warning\n")
    assert validate("doubtful.yaml", "--strict") == (2, DOUBTFUL_TEXT, "1 file: 1 warning\n")
    assert validate("good.yaml", "--strict") == (0, "", "1 file: nothing wrong\n")


def test_all_faults_of_all_specs(validate):
    assert validate("doubtful.yaml", "good.yaml", "broken.yaml", "good.yaml") == (
        2,
        f"{DOUBTFUL_TEXT}\n{BROKEN_TEXT}",
        "3 files: 2 errors, 1 warning\n",
    )


def test_a_spec_that_is_not_there_hides_no_other(validate):
    missing = (
        "error[spec-not-found]: there is no file `gone.yaml`\n"
        "help: `.` holds `broken.yaml`, `doubtful.yaml`, `good.yaml`\n"
    )
    assert validate("gone.yaml", "broken.yaml") == (4, f"{missing}\n{BROKEN_TEXT}", "2 files: 3 errors\n")
    assert validate("broken.yaml", "gone.yaml")[0] == 2


def test_a_folder_stands_for_its_yaml_files(validate, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "good.yaml").write_text(GOOD)
    (tmp_path / "more" / "action.yml").write_text("no spec")
    (tmp_path / "empty").mkdir()

    assert validate("more") == (0, "", "1 file: nothing wrong\n")
    code, out, err = validate(".", "--format", "concise")
    assert (code, [line.split(":")[0] for line in out.splitlines()], err) == (
        2,
        ["broken.yaml", "broken.yaml", "doubtful.yaml"],
        "3 files: 2 errors, 1 warning\n",
    )
    assert validate("empty") == (
        4,
        "error[no-specs]: the folder `empty` holds no `*.yaml`\n",
        "1 file: 1 error\n",
    )


def test_a_python_file_that_is_not_there_is_a_fault_at_its_name(validate, tmp_path):
    (tmp_path / "layers.py").write_text("")
    (tmp_path / "noisy.yaml").write_text(GOOD.replace("Rescaling", '"layrs.py:Noise"'))
    assert validate("noisy.yaml") == (
        2,
        f"error[custom-module-missing]: there is no file `{tmp_path}/layrs.py`\n"
        " --> noisy.yaml:5:7  (model.layers[0].layrs.py:Noise)\n"
        "  |\n"
        '5 |     - "layrs.py:Noise": 0.0625\n'
        "  |       ^^^^^^^^^^^^^^^^\n"
        "help: did you mean `layers.py`?\n",
        "1 file: 1 error\n",
    )


def test_a_spec_comes_by_standard_input(validate, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BROKEN.encode())))
    assert validate("-", "good.yaml", "-") == (
        2,
        BROKEN_TEXT.replace("broken.yaml", "<stdin>"),
        "2 files: 2 errors\n",
    )


def test_assignments_are_checked_at_the_command_line(validate):
    assert validate("good.yaml", "-s", "train.epohcs=3", "--set", "vars.lrr=3") == (
        2,
        "error[unused-value]: nothing uses `$lrr`\n"
        " --> command line:1:6  (vars.lrr)\n"
        "  |\n"
        "1 | vars.lrr=3\n"
        "  |      ^^^\n"
        "help: remove it, or write its name where its value stands\n"
        "\n"
        "error[unknown-key]: `train` has no key `epohcs`\n"
        " --> command line:1:7  (train.epohcs)\n"
        "  |\n"
        "1 | train.epohcs=3\n"
        "  |       ^^^^^^\n"
        "help: did you mean `epochs`?\n",
        "1 file: 2 errors\n",
    )


def test_a_fault_of_a_base_stands_in_the_base(validate, tmp_path):
    (tmp_path / "base.yml").write_text(BROKEN)
    (tmp_path / "child.yaml").write_text("extends: base.yml\ntrain: {batchsize: 3}\n")

    code, out, err = validate("child.yaml", "--format", "concise")
    assert (code, out.splitlines(), err) == (
        2,
        [
            "base.yml:6:15: error[unknown-argument]: `Dense` has no argument `unit`; did you mean `units`?",
            "base.yml:10:3: error[unknown-key]: `train` has no key `epohcs`; did you mean `epochs`?",
            "child.yaml:2:9: error[unknown-key]: `train` has no key `batchsize`; did you mean `batch_size`?",
        ],
        "1 file: 3 errors\n",
    )


# ---------------------------------------------------------------- formats


def test_concise_names_the_file_even_where_no_line_is_to_blame(validate, tmp_path):
    (tmp_path / "nothing.yaml").write_text("")
    assert validate("nothing.yaml", "gone.yaml", "--format", "concise")[1].splitlines() == [
        "nothing.yaml:1:1: error[spec-empty]: `nothing.yaml` is empty; a spec is a map with at least `data`, "
        "`model` and `train`; `kexp init` writes one to start from",
        "gone.yaml:1:1: error[spec-not-found]: there is no file `gone.yaml`; "
        "`.` holds `broken.yaml`, `doubtful.yaml`, `good.yaml`, `nothing.yaml`",
    ]


def test_json_is_one_object_whatever_is_found(validate):
    code, out, err = validate("broken.yaml", "doubtful.yaml", "--format", "json")
    assert (code, err) == (2, "2 files: 2 errors, 1 warning\n")
    record = json.loads(out)
    assert record["schema"] == 1
    assert [(d["id"], d["severity"], d["file"], d["line"], d["column"]) for d in record["diagnostics"]] == [
        ("unknown-argument", "error", "broken.yaml", 6, 15),
        ("unknown-key", "error", "broken.yaml", 10, 3),
        ("probabilities-expected", "warning", "doubtful.yaml", 9, 9),
    ]
    assert json.loads(validate("good.yaml", "--format", "json")[1]) == {"schema": 1, "diagnostics": []}


def test_github_annotates_pull_requests(validate):
    assert validate("broken.yaml", "--format", "github") == (
        2,
        "::error file=broken.yaml,line=6,endLine=6,col=15,endColumn=19,title=unknown-argument"
        "::`Dense` has no argument `unit`%0Ahelp: did you mean `units`?\n"
        "::error file=broken.yaml,line=10,endLine=10,col=3,endColumn=9,title=unknown-key"
        "::`train` has no key `epohcs`%0Ahelp: did you mean `epochs`?\n",
        "1 file: 2 errors\n",
    )


def test_colours_are_for_terminals(validate, monkeypatch):
    assert "\x1b" not in validate("broken.yaml")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    for format in ("full", "concise"):
        assert "\x1b[1;31merror[unknown-argument]\x1b[0m" in validate("broken.yaml", "--format", format)[1]
    for format in ("json", "github"):
        assert "\x1b" not in validate("broken.yaml", "--format", format)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in validate("broken.yaml")[1]


# ---------------------------------------------------------------- deep


def test_deep_reports_what_only_data_and_graph_show(validate, tmp_path, backend):
    (tmp_path / "deep.yaml").write_text(
        GOOD.replace("Rescaling: 0.0625", "Embedding: {input_dim: 9, output_dim: 2}\n    - Flatten")
        .replace(
            "optimizer: adam",
            "optimizer: {Adam: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 5}}}",
        )
        .replace("units: 10", "units: 5")
        .replace("metrics: [accuracy]", "class_weight: {'10': 2.0, '1': 1.0}")
    )
    assert validate("deep.yaml") == (0, "", "1 file: nothing wrong\n")

    code, out, err = validate("deep.yaml", "good.yaml", "--deep", "--format", "concise")
    assert (code, out.splitlines(), err) == (
        2,
        [
            "deep.yaml:5:30: error[vocabulary-too-small]: `Embedding` knows the numbers 0 to 8, "
            "and the input `features` holds 16; write `input_dim: 17`",
            "deep.yaml:9:77: warning[uneven-schedule]: `CosineDecay` takes 5 steps, "
            "and the training has 51; write `decay_steps: $total_steps`",
            "deep.yaml:10:9: error[units-class-mismatch]: "
            "the labels have 10 classes, and the output has 5 units; "
            "end the model with `Dense: {units: 10, activation: softmax}`",
            "deep.yaml:11:18: error[unknown-class]: `target` has no class `10`; did you mean `1`?",
        ],
        "2 files: 3 errors, 1 warning\n",
    )


def test_deep_says_that_data_is_not_there_or_wrong(validate, tmp_path, backend):
    (tmp_path / "rows.yaml").write_text(
        GOOD.replace("{source: sklearn, dataset: digits, ", "{source: csv, path: rows.csv, target: y, ")
    )
    code, out, _ = validate("rows.yaml", "--deep", "--format", "concise")
    assert (code, out.split("; ")[0].rstrip()) == (
        4,
        "rows.yaml:2:27: error[data-file-missing]: there is no file `rows.csv`",
    )
    (tmp_path / "rows.csv").write_text("x,y\n1,0\nnan,1\n")
    assert validate("rows.yaml", "--deep", "--format", "concise")[0] == 6


def test_deep_is_static_where_the_spec_is_wrong(validate):
    assert validate("broken.yaml", "--deep") == (2, BROKEN_TEXT, "1 file: 2 errors\n")


def test_a_deep_check_leaves_precision_as_each_spec_has_it(validate, tmp_path, backend):
    from keras import config

    (tmp_path / "half.yaml").write_text(f"runtime: {{precision: mixed_float16}}\n{GOOD}")
    before = config.dtype_policy()
    try:
        assert validate("half.yaml", "good.yaml", "--deep") == (0, "", "2 files: nothing wrong\n")
        assert config.dtype_policy().name == "float32"
    finally:
        config.set_dtype_policy(before)


def test_a_place_is_one_that_editors_open(validate):
    lines = validate("broken.yaml", "doubtful.yaml", "--format", "concise")[1].splitlines()
    assert all(re.match(r"[\w.]+:\d+:\d+: (error|warning)\[[a-z-]+\]: .", line) for line in lines)


# ---------------------------------------------------------------- what a training shows


def test_a_training_shows_warnings_and_keeps_them_in_its_log(tmp_path):
    from kexp.cli.display import RunDisplay
    from kexp.diagnostics import render
    from kexp.document import load_document
    from kexp.spec.parse import check

    warnings = check(load_document(Path("doubtful.yaml"))).diagnostics
    shown = {}
    for quiet in (False, True):
        streams = Streams()
        streams.err = io.StringIO()
        display = RunDisplay(streams, quiet)
        display.warn(warnings)
        display.warn(())
        shown[quiet] = streams.err.getvalue(), display.early.getvalue()

    text = f"{render(warnings)}\n\n"
    assert text == f"{DOUBTFUL_TEXT}\n"
    assert shown == {False: (text, text), True: ("", text)}
