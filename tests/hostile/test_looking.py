"""The commands that only look, against run directories that a stranger spoilt."""

import pytest

from hostile.commands import kexp
from hostile.corpus import LOOKING
from hostile.runs import ID, make_run

OTHER = "20261123-091456-other-k3f8"
LOOKS = [
    ("ls",),
    ("ls", "--json", "--size"),
    ("show", ID),
    ("show", ID, "--json"),
    ("show", ID, "--resolved"),
    ("show", ID, "--env"),
    ("show", ID, "--metrics"),
    ("show", ID, "--graph", "text"),
    ("show", ID, "--graph", "svg"),
    ("diff", ID, OTHER),
    ("report", ID, "--checklist"),
    ("gc", "--keep", "latest:1", "--dry-run"),
    ("tag", ID, "seen"),
    ("note", ID, "look at this"),
    ("rm", ID),
    ("restore", ID),
    ("restore",),
    ("gc", "--empty-trash", "--dry-run"),
    ("validate", f"runs/{ID}"),
]
REFUSALS = (0, 2, 4, 8)


@pytest.mark.parametrize("name", LOOKING)
def test_looking_at_it_hurts_nobody(name, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    make_run(tmp_path / "runs", OTHER)
    LOOKING[name](make_run(tmp_path / "runs"), outside)
    before = sorted(path.name for path in outside.iterdir())

    for command in LOOKS:
        answer = kexp(tmp_path, *command)
        told = answer.out + answer.error
        assert answer.code in REFUSALS, (command, told)
        assert answer.code == 0 or told.startswith("error["), (command, told)
        assert answer.seconds < 5, (command, answer.seconds)
        assert "s3cr3t" not in told, command
        assert [c for c in told if not c.isprintable() and c != "\n"] == [], command
    assert sorted(path.name for path in outside.iterdir()) == before


def spoilt(name, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    run = make_run(tmp_path / "runs")
    LOOKING[name](run, outside)
    return run


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(tmp_path):
    spoilt("status.json is a pipe", tmp_path)
    _, line = kexp(tmp_path, "ls").out.splitlines()

    why = f"`status.json` of run `{ID}` is broken: it cannot be read: not a regular file"
    assert line.split(maxsplit=3) == [ID, "unreadable", "0", why]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("status.json is a link", "it cannot be read: Too many levels of symbolic links"),
        ("status.json is 10 GB of zeros", "it cannot be read: File too large"),
        ("status.json is nested", "it is not JSON"),
        ("the status is of another kind", "the number of samples of `train` is 'many'"),
        ("the manifest has lists for maps", "`git` is not a map"),
        ("the manifest lists no packages", "`distributions` is not a list of maps with name and version"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, why):
    spoilt(name, tmp_path)
    file = "manifest.json" if "manifest" in name else "status.json"

    assert kexp(tmp_path, "show", ID).error == (
        f"error[file-broken]: `{file}` of run `{ID}` is broken: {why}\n"
        "help: restore the file from a copy of the run, or move the run away"
    )


def test_look_alikes_are_shown_as_what_they_are(tmp_path):
    spoilt("the status has look-alikes", tmp_path)

    assert "v\\u0430l_loss 1" in kexp(tmp_path, "ls").out
    assert "v\\u0430l_loss  1\n" in kexp(tmp_path, "show", ID).out


def test_a_note_cannot_look_like_another_line(tmp_path):
    spoilt("the notes steer the terminal", tmp_path)

    assert "note      a state  own\n" in kexp(tmp_path, "show", ID).out


def test_a_run_that_is_not_the_user_s_says_so(tmp_path):
    run = make_run(tmp_path / "runs")
    foreign = kexp(tmp_path, "show", ID).out.splitlines()[-1]
    run.metrics.write_text("{}\n")
    changed = kexp(tmp_path, "show", ID).out.splitlines()[-2:]
    run.sums.unlink()
    killed = kexp(tmp_path, "show", ID).out.splitlines()[-1]

    trust = (
        "trust     not known to be yours: without --trust no code of it is run, and no file outside it read"
    )
    assert foreign == trust
    assert changed == [
        trust,
        "doubt     `metrics.jsonl` is not the file that `SHA256SUMS` of its run describes",
    ]
    assert killed == "trust     unverified: it has no SHA256SUMS, and your key does not vouch for it"


def test_what_a_killed_owner_left_is_not_looked_for_behind_a_link(tmp_path):
    run = spoilt("checkpoints is a link to a folder", tmp_path)
    with run.lock():
        pass

    assert (tmp_path / "outside" / ".best.safetensors.01234567.tmp").read_text() == "precious"


@pytest.mark.parametrize(
    "id", ["\x1b]0;x\x07\x1b[2J", "a\nstate own", "\u202eabc", "\udcff", "20261123-091455-\u0456ris-k3f7"]
)
def test_the_name_of_a_folder_steers_nothing(id, tmp_path):
    make_run(tmp_path / "runs", id)
    make_run(tmp_path / "runs", OTHER)
    commands = [tuple(id if word == ID else word for word in command) for command in LOOKS]

    for command in commands:
        answer = kexp(tmp_path, *command)
        told = answer.out + answer.error
        assert answer.code in REFUSALS, (command, told)
        assert [c for c in told if not c.isprintable() and c != "\n"] == [], command
