"""What a run keeps of the preparation of its data."""

import pytest

from kexp.errors import RunRefused
from kexp.record.rundir import RunDir


@pytest.fixture
def run(tmp_path):
    run = RunDir(tmp_path / "20261123-091455-homes-abcd")
    run.path.mkdir()
    run.write_given(b"kexp: 1\n")
    return run


def test_what_was_learnt_is_read_as_it_was_written(run):
    path = run.write_preprocess("model/bins", {"schema": 1, "bin_boundaries": [0.5, 1.5]})

    assert path == run.preprocess / "model" / "bins.json"
    assert run.read_preprocess("model/bins") == {"schema": 1, "bin_boundaries": [0.5, 1.5]}


def test_a_missing_file_is_named(run):
    with pytest.raises(RunRefused) as caught:
        run.read_preprocess("city")
    assert str(caught.value) == (
        f"error[preprocess-missing]: run `{run.id}` holds no `preprocess/city.json`, which its data needs\n"
        "help: restore the file from a copy of the run, or train again"
    )


def test_a_broken_file_is_named_by_its_path_in_the_run(run):
    run.write_preprocess("city", {}).write_text("{")

    with pytest.raises(RunRefused) as caught:
        run.read_preprocess("city")
    assert caught.value.diagnostics[0].message == (
        f"`preprocess/city.json` of run `{run.id}` is broken: it is not JSON"
    )


def test_a_name_never_leads_out_of_the_run(run):
    with pytest.raises(RunRefused) as caught:
        run.read_preprocess("../../elsewhere")
    assert caught.value.diagnostics[0].id == "path-outside-run"
