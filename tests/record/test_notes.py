import pytest

from kexp.errors import RunRefused
from kexp.record.notes import Notes, read_notes, write_notes
from kexp.record.rundir import RunDir


def test_notes_read_back(tmp_path):
    notes = Notes(tags=("paper", "größer"), notes=("looks odd",))

    write_notes(RunDir(tmp_path), notes)

    assert read_notes(RunDir(tmp_path)) == notes


def test_a_run_without_notes_has_none(tmp_path):
    assert read_notes(RunDir(tmp_path)) == Notes()


def test_tags_that_are_not_texts_are_refused(tmp_path):
    (tmp_path / "notes.json").write_text('{"tags": [1]}')

    with pytest.raises(RunRefused, match="is broken: `tags` is not a list of texts"):
        read_notes(RunDir(tmp_path))
