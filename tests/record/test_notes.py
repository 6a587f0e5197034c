import pytest

from kexp.errors import RunRefused, UsageError
from kexp.record.notes import Notes, change_notes, read_notes, write_notes
from kexp.record.rundir import RunDir


def test_notes_read_back(tmp_path):
    notes = Notes(tags=("paper", "größer"), notes=("looks odd",))

    write_notes(RunDir(tmp_path), notes)

    assert read_notes(RunDir(tmp_path)) == notes


def test_notes_are_read_only_once_the_run_is_one_s_own(tmp_path):
    run = RunDir(tmp_path)
    with run.lock(), pytest.raises(RunRefused, match=r"error\[run-locked\]"):
        change_notes(RunDir(tmp_path), lambda notes: pytest.fail("they were read"))

    assert read_notes(run) == Notes()


def test_a_run_without_notes_has_none(tmp_path):
    assert read_notes(RunDir(tmp_path)) == Notes()


def test_tags_that_are_not_texts_are_refused(tmp_path):
    (tmp_path / "notes.json").write_text('{"tags": [1]}')

    with pytest.raises(RunRefused, match="is broken: `tags` is not a list of texts"):
        read_notes(RunDir(tmp_path))


def test_tags_keep_their_places():
    notes = Notes(tags=("a", "b"))

    assert notes.tagged(["c", "a", "c"]).tags == ("a", "b", "c")
    assert notes.untagged(["a"]).tags == ("b",)


@pytest.mark.parametrize("tag", ["", " ", "two words", "a\n", "\ta"])
def test_a_tag_is_one_word(tag):
    with pytest.raises(UsageError, match=r"error\[bad-tag\]: a tag is one word, found `"):
        Notes().tagged(["good", tag])


def test_tags_that_a_spec_gave_can_be_taken_away_whatever_they_are():
    assert Notes(tags=("two words",)).untagged(["two words"]) == Notes()


@pytest.mark.parametrize(
    ("tags", "help"),
    [
        (("paper", "best"), "did you mean `paper`?"),
        (("best",), "its tags are `best`"),
        ((), "it has none"),
    ],
)
def test_a_tag_that_is_not_there_is_not_taken_away(tags, help):
    with pytest.raises(UsageError) as refused:
        Notes(tags=tags).untagged(["papr"])

    assert str(refused.value) == f"error[no-such-tag]: the run has no tag `papr`\nhelp: {help}"


def test_a_note_has_words():
    assert Notes(notes=("a",)).noted(" b ").notes == ("a", " b ")
    with pytest.raises(UsageError) as refused:
        Notes().noted(" ")
    assert str(refused.value) == "error[empty-note]: a note needs words, found none"
