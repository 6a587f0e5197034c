import multiprocessing
import os
import shutil
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults import disk as disks
from faults.disk import Disk, Killed, deadly, installed

from kexp.record import seal, trust
from kexp.record.notes import Notes, write_notes
from kexp.record.rundir import RunDir
from kexp.record.sums import read_sums
from kexp.record.trust import config_folder, local_key

NOW = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("KEXP_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def run(tmp_path, config):
    """A run that was begun and ended under this user's key."""
    made = begun(tmp_path)
    made.write_best([b"weights"])
    made.write_sums()
    return made


def begun(tmp_path):
    made = RunDir.create(tmp_path / "runs", "a", NOW, "k3f7")
    made.write_given(b"name: a\n", code={"layers.py": b"x = 1\n"})
    made.write_resolved("name: a\n")
    made.write_manifest({"schema": 1})
    made.write_preprocess("inputs", {"schema": 1})
    made.vouch()
    return made


# ---------------------------------------------------------------- the key


def test_the_key_lies_in_the_user_s_configuration_folder():
    assert config_folder({"KEXP_CONFIG": "/a"}) == Path("/a")
    assert config_folder({"XDG_CONFIG_HOME": "/b"}) == Path("/b/kexp")
    assert config_folder({}) == Path.home() / ".config" / "kexp"


def test_the_key_is_made_once_and_nobody_else_may_read_it(config):
    keys = [local_key(), local_key()]

    assert keys[0] == keys[1]
    assert (len(keys[0].secret), keys[0].problem) == (32, "")
    assert stat.S_IMODE((config / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert [path.name for path in config.iterdir()] == ["key"]


def test_a_mask_of_the_process_s_own_opens_no_key(config):
    before = os.umask(0)
    try:
        local_key()
    finally:
        os.umask(before)

    assert stat.S_IMODE((config / "key").stat().st_mode) == 0o600


def _secret(folder, gate):
    gate.wait()
    return local_key(folder).secret


def test_processes_that_make_the_key_at_once_get_the_same(tmp_path):
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        gate = manager.Barrier(8)
        with context.Pool(8) as pool:
            secrets = pool.starmap(_secret, [(tmp_path / "config", gate)] * 8)

    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32
    assert [path.name for path in (tmp_path / "config").iterdir()] == ["key"]


def test_a_key_that_was_made_in_between_is_taken(config, monkeypatch):
    monkeypatch.setattr(trust.secrets, "token_bytes", lambda size: b"late" * 8)
    link = os.link

    def overtaken(source, target):
        target.write_bytes(b"soon" * 8)
        target.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(trust.os, "link", overtaken)

    assert local_key().secret == b"soon" * 8


def test_a_key_that_others_may_read_is_not_used(config):
    local_key()
    (config / "key").chmod(0o640)

    assert local_key() == trust.Key(problem=f"others may read `{config}/key`: remove it, or `chmod 600` it")


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 33])
def test_what_is_no_key_is_not_used(config, secret):
    config.mkdir()
    (config / "key").write_bytes(secret)
    (config / "key").chmod(0o600)

    assert local_key() == trust.Key(problem=f"`{config}/key` is not a key of 32 bytes")


def test_a_key_that_is_a_pipe_is_not_waited_for(config):
    config.mkdir()
    os.mkfifo(config / "key", 0o600)

    assert local_key().problem == "your key cannot be kept: not a regular file"


def test_where_no_key_can_be_kept_nothing_is_vouched_for(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KEXP_CONFIG", str(tmp_path / "file" / "kexp"))
    run = begun(tmp_path)
    run.write_sums()

    assert local_key().problem == "your key cannot be kept: Not a directory"
    assert not run.sums_mac.exists()
    assert run.origin() == "foreign"


# ---------------------------------------------------------------- whose a run is


def test_a_run_that_ended_under_the_user_s_key_is_their_own(run):
    assert run.origin() == "own"
    assert [line.split()[0] for line in run.sums_mac.read_text().splitlines()] == ["begun", "whole"]


def test_a_run_of_another_key_is_a_stranger_s(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KEXP_CONFIG", str(tmp_path / "other"))

    assert run.origin() == "foreign"


def test_a_run_without_its_mac_is_a_stranger_s(run):
    run.sums_mac.unlink()

    assert run.origin() == "foreign"


@pytest.mark.parametrize(
    "spoilt", [b"", b"whole 0\n", b"\xff" * 100, b"whole " + b"0" * 64 + b"\n", b"x" * 5000]
)
def test_a_mac_that_was_changed_vouches_for_nothing(run, spoilt):
    run.sums_mac.write_bytes(spoilt)

    assert run.origin() == "foreign"


def test_a_list_of_hashes_that_was_changed_is_a_stranger_s(run):
    (run.code / "evil.py").touch()
    run.sums.write_text(run.sums.read_text() + f"{'0' * 64}  code/evil.py\n")

    assert run.origin() == "foreign"


def test_a_run_that_was_moved_is_still_the_user_s(run, tmp_path):
    run.path.rename(tmp_path / "elsewhere")

    assert RunDir(tmp_path / "elsewhere").origin() == "own"


def test_a_file_that_is_added_to_the_list_is_vouched_for(run):
    with run.lock():
        run.write_evaluation("test", NOW, {"loss": 0.5})

    assert run.origin() == "own"


def test_a_file_that_is_added_to_a_stranger_s_list_makes_it_nobody_s_own(run):
    run.sums_mac.unlink()
    with run.lock():
        run.write_evaluation("test", NOW, {"loss": 0.5})

    assert run.origin() == "foreign"
    assert not run.sums_mac.exists()


def test_a_kill_between_the_mac_and_the_list_leaves_the_run_the_user_s(run, monkeypatch):
    before = run.sums.read_bytes()
    run.write_evaluation("test", NOW, {"loss": 0.5})
    run.sums.write_bytes(before)

    assert run.origin() == "own"


def test_a_kill_while_notes_change_leaves_the_run_whole(run, monkeypatch):
    write_notes(run, Notes(("first",)))
    disk, seen = seal.write_atomically, []

    def look(path, data):
        disk(path, data)
        run.check_whole()
        seen.append((path.name, run.origin(), run.sums.read_text().count("  notes.json\n")))

    monkeypatch.setattr(seal, "write_atomically", look)
    write_notes(run, Notes(("second",)))

    assert seen == [("SHA256SUMS", "own", 2), ("notes.json", "own", 2), ("SHA256SUMS", "own", 1)]


def test_a_kill_while_an_evaluation_is_kept_leaves_the_run_whole(run, tmp_path):
    seen = []
    with installed(Disk()) as disk:
        RunDir(shutil.copytree(run.path, tmp_path / "whole")).write_evaluation("test", NOW, {"loss": 0.5})
    for number in range(1, disk.number + 1):
        killed = RunDir(shutil.copytree(run.path, tmp_path / str(number)))
        with installed(Disk(before=deadly(disks.change(number)))), pytest.raises(Killed):
            killed.write_evaluation("test", NOW, {"loss": 0.5})
        killed.check_whole()
        seen.append((killed.origin(), [*killed.evaluations.glob("[!.]*")] != []))
        killed.write_evaluation("test", NOW + timedelta(hours=1), {"loss": 0.5})
        killed.check_whole()
        listed = {name for name in read_sums(killed.sums) or () if name.startswith("evaluations/")}
        assert listed == {f"evaluations/{path.name}" for path in killed.evaluations.glob("[!.]*")}

    assert set(seen) == {("own", False), ("own", True)}


# ---------------------------------------------------------------- runs that did not end


def test_a_killed_run_is_the_user_s_by_what_was_asked_for(tmp_path, config):
    run = begun(tmp_path)
    run.write_best([b"weights"])
    run.write_state(5, [b"state"])
    run.train_log.write_text("epoch 1\n")
    run.metrics.write_text("{}\n")

    assert run.origin() == "own"


def test_a_killed_run_of_another_key_is_unverified(tmp_path, config, monkeypatch):
    run = begun(tmp_path)
    monkeypatch.setenv("KEXP_CONFIG", str(tmp_path / "other"))

    assert run.origin() == "unverified"


def test_a_run_that_nobody_vouched_for_is_unverified(tmp_path, config):
    run = RunDir.create(tmp_path / "runs", "a", NOW)
    run.write_given(b"name: a\n")

    assert run.origin() == "unverified"


def change(run):
    (run.code / "layers.py").write_bytes(b"x = 2\n")


def add(run):
    (run.code / "pkg").mkdir()
    (run.code / "pkg" / "layers.py").touch()


def add_bytecode(run):
    (run.code / "__pycache__").mkdir()
    (run.code / "__pycache__" / "layers.cpython-311.pyc").write_bytes(b"")


def add_extension(run):
    (run.code / "layers.so").write_bytes(b"")


def add_link(run):
    (run.code / "more.py").symlink_to("/etc/passwd")


def remove(run):
    (run.code / "layers.py").unlink()


def change_spec(run):
    run.write_resolved("name: b\n")


def change_manifest(run):
    run.write_manifest({"schema": 1, "data": {}})


def change_vocabulary(run):
    run.write_preprocess("inputs", {"schema": 1, "vocabulary": []})


def enlarge(run):
    with (run.code / "large.bin").open("wb") as file:
        file.truncate(10 << 30)


SPOILT = [
    *(change, add, add_bytecode, add_extension, add_link, remove),
    *(change_spec, change_manifest, change_vocabulary, enlarge),
]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_killed_run_whose_spec_or_code_was_changed_is_not_the_user_s(tmp_path, config, spoil):
    run = begun(tmp_path)
    spoil(run)

    assert run.origin() == "unverified"


@pytest.mark.parametrize("spoil", [change, add, change_spec], ids=lambda spoil: spoil.__name__)
def test_what_was_changed_meanwhile_is_not_vouched_for_at_the_end(tmp_path, config, spoil):
    run = begun(tmp_path)
    spoil(run)
    run.write_sums()

    assert run.origin() == "foreign"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_run_that_goes_on_otherwise_is_the_user_s_wherever_it_is_killed(tmp_path, config, number):
    made, real, written = begun(tmp_path), seal.write_atomically, []

    def dying(path, data):
        if len(written) == number:
            raise KeyboardInterrupt
        written.append(path.name)
        real(path, data)

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(seal, "write_atomically", dying)
        made.rewrite({"schema": 1, "changed": []}, b"name: b\n", is_own=True)

    assert (written, made.origin()) == (["manifest.json", "resolved.yaml"][:number], "own")


def test_a_run_that_goes_on_otherwise_and_is_nobody_s_stays_so(tmp_path, config):
    made = begun(tmp_path)
    made.sums_mac.unlink()
    made.rewrite({"schema": 1}, b"name: b\n", is_own=False)

    assert made.origin() == "unverified"


def test_a_run_that_goes_on_is_the_user_s_all_the_while(run):
    run.remove_sums()
    seen = [run.origin()]
    run.write_state(10, [b"more"])
    seen.append(run.origin())
    run.write_sums()

    assert [*seen, run.origin()] == ["own", "own", "own"]
