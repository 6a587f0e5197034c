"""`kexp validate` and `kexp show SPEC` on texts that want to be more than a spec."""

import os

import pytest

from hostile.commands import kexp
from hostile.runs import spec
from hostile.texts import TEXTS
from kexp.diagnostics import render
from kexp.document import parse_document
from kexp.errors import SpecError
from kexp.spec.parse import check

HARMLESS = (
    *("many layers", "many names in one step", "many blocks", "nested models"),
    *(
        "objects in objects",
        "an expression of powers",
        "vars in a chain",
        "many formulas",
        "many expressions",
    ),
    *("many tags", "many columns", "many entries of preprocess", "a name that steers the terminal"),
)
"""Large or odd, and nothing wrong with it."""

LONG = (
    *("many formulas", "many expressions", "dangling steps", "many columns", "many blocks", "many layers"),
    *("a bomb of a block in many models", "unknown names", "a repeat of long lists", "vars in a chain"),
    *("models whose insides are named", "nested models in repeats", "many unknown values", "many tags"),
    *("names given twice", "many promises", "preprocess in a chain", "many entries of preprocess"),
)
"""What takes more than a second."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in TEXTS]
)
def test_a_hostile_text_is_answered_soon_and_shortly(name, tmp_path):
    text = TEXTS[name]
    (tmp_path / "spec.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    answer = kexp(tmp_path, "validate", "spec.yaml")
    told = answer.out + answer.error

    assert answer.code in ((0,) if name in HARMLESS else (2, 4)), told[:1000]
    assert name in HARMLESS or told.startswith("error["), told[:1000]
    assert answer.seconds < 5
    assert len(told) < 300_000
    assert [c for c in told if not c.isprintable() and c != "\n"] == []


def told(name):
    text = TEXTS[name]
    try:
        return render(
            check(parse_document(text if isinstance(text, bytes) else text.encode(), "s.yaml")).diagnostics
        )
    except SpecError as error:
        return str(error)


def test_after_a_hundred_faults_the_check_ends():
    *shown, last = told("unknown layers").split("\n\n")

    assert len(shown) == 100
    assert last == (
        "warning[too-many-faults]: the check ends here, after 100 faults\n"
        "help: mend them first, and check again"
    )


def test_of_an_endless_line_the_place_that_is_meant_is_shown():
    message, place, _, line, mark = told("a depth of maps").split("\n")

    assert (message, place) == (
        "error[yaml-too-deep]: values are nested more than 64 deep here",
        " --> s.yaml:1:257",
    )
    assert (line[4], line[-1], len(line)) == ("…", "…", 4 + 302)
    assert line[mark.index("^")] == "{"


def test_look_alikes_are_told_from_what_they_look_like():
    assert told("look-alikes").startswith("error[unknown-layer]: there is no layer `D\\u0435nse` in Keras")


def test_a_key_cannot_write_lines_of_its_own():
    first, *_ = told("keys that steer the terminal").split("\n")

    assert first == "error[unknown-key]: the spec has no key `\ufffd]0;x\ufffd\ufffd[2J`"


def test_bases_that_multiply_are_refused(tmp_path):
    for number in range(12):
        (tmp_path / f"b{number}.yaml").write_text(f"extends: [{', '.join([f'b{number + 1}.yaml'] * 10)}]\n")
    (tmp_path / "b12.yaml").write_text("seed: 1\n")
    answer = kexp(tmp_path, "validate", "b0.yaml")

    assert answer.code == 2
    assert answer.out.startswith("error[too-many-bases]: more than 100 bases are laid over one another\n")
    assert answer.seconds < 5


def test_a_base_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "spec.yaml").write_text("extends: pipe.yaml\n")

    assert kexp(tmp_path, "validate", "spec.yaml").code == 4


@pytest.mark.parametrize("name", ["secret", "link.yaml"])
def test_no_line_of_a_file_that_is_no_spec_is_shown(tmp_path, name):
    (tmp_path / "secret").write_text("password: s3cr3t\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "secret")
    (tmp_path / "spec.yaml").write_text(f"extends: {name}\n")
    answer = kexp(tmp_path, "validate", "spec.yaml")

    assert answer.code == 4
    assert answer.out == (
        f"error[base-not-found]: there is no base `{name}`\n"
        " --> spec.yaml:1:10  (extends)\n"
        "  |\n"
        f"1 | extends: {name}\n"
        f"  |          {'^' * len(name)}\n"
        "help: a base is a file that ends in `.yaml`\n"
    )


@pytest.mark.parametrize("form", ["svg", "mermaid"])
@pytest.mark.parametrize(
    "name", ["many names in one step", pytest.param("many blocks", marks=pytest.mark.slow)]
)
def test_what_no_picture_can_hold_is_not_drawn(name, form, tmp_path):
    (tmp_path / "spec.yaml").write_text(TEXTS[name])
    answer = kexp(tmp_path, "show", "spec.yaml", "--graph", form)

    assert answer.code == 2
    assert answer.error.startswith("error[too-large-to-draw]: the model has ")


def test_of_a_folder_only_specs_are_read(tmp_path):
    (tmp_path / "secret").write_text("s3cr3t")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "secret")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "good.yaml").write_text(spec())
    (tmp_path / "also.yaml").symlink_to("good.yaml")

    assert kexp(tmp_path, "validate", ".").error == "2 files: nothing wrong\n"
