import math

import pytest

from kexp.errors import RunRefused
from kexp.record.jsonfile import read_object, told, write_object


def test_what_is_written_is_indented_in_its_own_order_and_ends_the_line(tmp_path):
    write_object(tmp_path / "a.json", {"z": "ü", "a": (1, math.nan, {"b": -math.inf})})

    expected = '{\n  "z": "ü",\n  "a": [\n    1,\n    null,\n    {\n      "b": null\n    }\n  ]\n}\n'
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == expected


def test_a_name_that_is_not_utf8_survives(tmp_path):
    write_object(tmp_path / "a.json", {"file": "caf\udce9"})

    assert read_object(tmp_path / "a.json") == {"file": "caf\udce9"}


def test_what_is_told_is_json_and_the_rest_is_named():
    values = {"loss": math.nan, "accuracy": 0.5, "label": "a", "f1": math.inf, "lost": None}

    held = {"loss": None, "accuracy": 0.5, "label": "a", "f1": None, "lost": None}
    assert told(values) == (held, ["loss", "f1", "lost"])


def test_no_file_reads_as_none(tmp_path):
    assert read_object(tmp_path / "a.json") is None


def test_numbers_that_json_does_not_have_read_as_null(tmp_path):
    (tmp_path / "a.json").write_text('{"a": NaN, "b": 1e999, "c": -Infinity}')

    assert read_object(tmp_path / "a.json") == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON"),
        ("\xff", "it is not JSON"),
        ("[" * 200_000, "it is not JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "it is not JSON"),
        ("[]", "it is not a JSON object"),
    ],
    ids=["torn", "not-utf8", "too-deep", "huge-number", "list"],
)
def test_a_broken_file_is_refused(tmp_path, text, why):
    path = tmp_path / "run" / "status.json"
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")

    with pytest.raises(RunRefused) as error:
        read_object(path)

    assert str(error.value) == (
        f"error[file-broken]: `status.json` of run `run` is broken: {why}\n"
        "help: restore the file from a copy of the run, or move the run away"
    )


def test_a_file_of_another_version_is_refused(tmp_path):
    (tmp_path / "status.json").write_text('{"schema": 2}')

    with pytest.raises(RunRefused) as error:
        read_object(tmp_path / "status.json")

    assert str(error.value) == (
        "error[another-version]: another version of kexp wrote `status.json`: "
        "its schema is 2, this one reads 1\n"
        "help: read it with the version that wrote it; `manifest.json` names it"
    )
