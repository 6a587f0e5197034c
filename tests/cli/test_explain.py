import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from explained import completed, faults_explained, labelled

from kexp.cli.commands import app_for
from kexp.cli.pages import Printer
from kexp.cli.streams import Streams
from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, SpecError
from kexp.spec.explanations.page import Example, Page, Row, Table

PAGE = Page(
    "Dense",
    "layer",
    "Multiplies the `inputs` by weights, adds a bias and applies the `activation`.",
    (Example("yaml", "- Dense: {units: 64}"), Example("python", "x = 1", "wrong", "mine.py")),
    tables=(
        Table(
            "arguments",
            (
                Row("units", "a whole number of at least 1", True, None, "How many numbers it gives."),
                Row("activation", "an activation or `null`"),
                Row("bias_initializer", "an initializer", False, "zeros", "What the bias starts from."),
                Row("axes", "", False, [1, 2]),
            ),
        ),
    ),
    also=("dense", "FullyConnected"),
    see=("Conv2D",),
)

SHOWN = """\
Dense  layer

Multiplies the `inputs` by weights, adds a
bias and applies the `activation`.

    - Dense: {units: 64}

wrong mine.py
    x = 1

arguments
    units             a whole number of at
                      least 1, required
                      How many numbers it
                      gives.
    activation        an activation or
                      `null`
    bias_initializer  an initializer,
                      default `zeros`
                      What the bias starts
                      from.
    axes              default `[1, 2]`

also: dense, FullyConnected

see: Conv2D
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_page_is_plain_and_wrapped_off_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    stream = io.StringIO()
    Printer(stream).show([PAGE])

    assert stream.getvalue() == SHOWN


def test_a_page_has_colours_on_a_terminal_unless_they_are_not_wanted(monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    Printer(coloured).show([PAGE])
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Printer(plain).show([PAGE])

    assert "\x1b[1mDense\x1b[0m  \x1b[2mlayer\x1b[0m\n" in coloured.getvalue()
    assert "\x1b[1;31mwrong\x1b[0m" in coloured.getvalue()
    assert plain.getvalue() == SHOWN


def test_several_pages_stand_apart(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    Printer(stream).show([Page("a", "word", "First."), Page("b", "word", "Second.")])

    assert stream.getvalue() == "a  word\n\nFirst.\n\nb  word\n\nSecond.\n"


def test_faults_end_with_how_to_learn_more_on_a_terminal(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    streams = Streams()
    streams.err = Terminal()
    ids = ("wrong-type", "unknown-key", "wrong-type", "out-of-range", "bad-name")
    streams.complain(SpecError(*(Diagnostic(id, str(number)) for number, id in enumerate(ids))))

    assert streams.err.getvalue().endswith(
        "\nerror[bad-name]: 4\n\n`kexp explain wrong-type unknown-key out-of-range` says more\n"
    )


@pytest.mark.parametrize(("stream", "id"), [(io.StringIO, "wrong-type"), (Terminal, "stopped")])
def test_nothing_is_added_off_a_terminal_or_where_there_is_no_more_to_say(stream, id, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    streams = Streams()
    streams.err = stream()
    streams.complain(SpecError.because(id, "so it is"))

    assert streams.err.getvalue() == f"error[{id}]: so it is\n"


# ---------------------------------------------------------------- the examples that are commands


def refused(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a command beside a small spec, and return the ids of what is wrong with it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KEXP_RUNS", str(folder / "runs"))
    (folder / "spec.yaml").write_text(completed("name: small"))
    (folder / "configs").mkdir()
    with pytest.raises(KexpError) as refusal:
        app_for()(shlex.split(line)[1:], obj=Streams(), standalone_mode=False)
    return [diagnostic.id for diagnostic in refusal.value.diagnostics]


@pytest.mark.parametrize(
    "name",
    [
        *("not-writable", "override-path", "override-syntax", "run-not-found"),
        *("spec-not-found", "spec-not-readable", "unknown-suffix", "unknown-topic"),
    ],
)
def test_the_wrong_command_is_refused_like_this(name, tmp_path, monkeypatch):
    (example,) = labelled(faults_explained()[name], "wrong")

    assert refused(example.text, tmp_path, monkeypatch) == [name]


# ---------------------------------------------------------------- the command

in_a_process = pytest.mark.xdist_group("cli")


@in_a_process
def test_its_help_says_this(kexp, golden):
    golden(kexp("explain", "--help").stdout, Path(__file__).parents[1] / "golden" / "help" / "explain.txt")


@in_a_process
def test_topics_are_explained_as_json(kexp):
    done = kexp("explain", "--json", "yaml-tab", "Dense.units")
    (tab, units) = json.loads(done.stdout)["pages"]

    assert (done.returncode, done.stderr) == (0, "")
    assert tab["name"] == "yaml-tab"
    assert [example["label"] for example in tab["examples"]] == ["wrong", "right"]
    assert units == {
        "name": "Dense.units",
        "kind": "argument of a layer",
        "text": "Positive integer, dimensionality of the output space.",
        "examples": [{"language": "yaml", "text": "- Dense: {units: 64}", "label": "", "file": ""}],
        "takes": {
            "name": "units",
            "type": "a whole number of at least 1",
            "required": True,
            "default": None,
            "text": "Positive integer, dimensionality of the output space.",
        },
        "tables": [],
        "also": [],
        "see": [],
    }


@in_a_process
def test_a_topic_that_does_not_exist_is_answered_with_the_nearest(kexp):
    done = kexp("explain", "Desne", "Dense")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error[unknown-topic]: nothing is called `Desne`\nhelp: did you mean `Dense`?\n"


@pytest.mark.parametrize(
    ("topic", "help"),
    [
        ("lr", "it is an argument of the optimizer: `train: {optimizer: {Adam: 1e-3}}`"),
        ("validation_split", "a split is the data's: `data: {split: {val: 0.2}}`"),
        ("keras.layers.InputLayer", "a model's inputs are `model: {inputs: {NAME: [SIZES]}}`"),
    ],
)
def test_a_word_of_keras_is_answered_with_that_of_the_language(topic, help):
    with pytest.raises(KexpError) as error:
        app_for()(["explain", topic], standalone_mode=False)
    assert str(error.value) == f"error[unknown-topic]: nothing is called `{topic}`\nhelp: {help}"


@in_a_process
def test_all_topics_are_listed(kexp):
    listed = kexp("explain").stdout
    groups = json.loads(kexp("explain", "--json").stdout)["topics"]

    assert [heading for heading in groups if f"{heading}\n    " not in listed] == []
    assert ("Dense" in groups["layers"], "Conv2D" in listed.split()) == (True, True)
    assert listed.endswith("\n`kexp explain NAME` explains any of them\n")


EXPLAIN_ALL = """
import sys
from kexp.cli.commands import app_for
for topic in ("Dense", "yaml-tab", "train", "Desne"):
    try:
        app_for()(["explain", topic], standalone_mode=False)
    except Exception as error:
        print(error)
print(sorted({"keras", "numpy", "tensorflow", "sklearn", "pandas", "safetensors"} & set(sys.modules)))
"""


@in_a_process
def test_explaining_imports_neither_keras_nor_numpy():
    done = subprocess.run([sys.executable, "-c", EXPLAIN_ALL], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
