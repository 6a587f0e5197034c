import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kexp.errors import RunRefused
from kexp.record.files import temporary_beside
from kexp.record.notes import Notes, write_notes
from kexp.record.rundir import RunDir

NOW = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path / "runs", "Fashion CNN", NOW, "k3f7")


def files(run):
    return sorted(p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file())


# ---------------------------------------------------------------- identity


def test_a_new_run_has_a_directory_of_its_own(tmp_path, run):
    assert run.path == tmp_path / "runs" / "20261123-091455-fashion-cnn-k3f7"
    assert run.path.is_dir()
    assert run.id == "20261123-091455-fashion-cnn-k3f7"


def test_a_tail_that_is_taken_gives_way_to_another(tmp_path, run):
    second = RunDir.create(tmp_path / "runs", "Fashion CNN", NOW, "k3f7")

    assert second.path.is_dir()
    assert second != run
    assert re.fullmatch("20261123-091455-fashion-cnn-[a-z0-9]{4}", second.id)


def test_a_folder_that_cannot_hold_runs_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(RunRefused) as error:
        RunDir.create(tmp_path / "file" / "runs", "a", NOW)

    assert str(error.value) == (
        f"error[runs-not-writable]: no run can be made in `{tmp_path}/file/runs`: Not a directory\n"
        "help: name another folder with `--runs DIR` or `KEXP_RUNS`"
    )


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "runs").write_bytes(b"")

    with pytest.raises(RunRefused, match=r"error\[runs-not-writable\].*: Not a directory"):
        RunDir.create(tmp_path / "runs", "a", NOW)


def test_a_directory_that_the_user_named_is_made_or_taken(tmp_path):
    assert RunDir.at(tmp_path / "a" / "trial-3").id == "trial-3"
    assert RunDir.at(tmp_path / "a" / "trial-3").path.is_dir()


def test_a_relative_path_has_an_id(run, monkeypatch):
    monkeypatch.chdir(run.path)

    assert RunDir(Path()).id == run.id


def test_a_directory_with_a_spec_is_a_run(run):
    assert not run.is_run
    run.write_given(b"name: a\n")
    assert run.is_run


# ---------------------------------------------------------------- files


def test_each_file_has_its_place(run):
    run.write_given(b"name: a\n", {"bases/common.yaml": b"seed: 1\n"}, {"pkg/blocks.py": b"x = 1\n"})
    run.write_resolved("name: ä\n")
    run.write_manifest({"schema": 1})
    run.write_requirements("numpy==2.0\n")
    run.write_source_diff(b"diff")
    run.write_state(420, [b"state"])
    run.write_best([b"best"])
    run.replace_model(lambda path: path.write_bytes(b"zip"))
    run.write_evaluation("test", NOW, {"loss": 0.5})
    run.write_sums()

    assert files(run) == [
        "SHA256SUMS",
        "checkpoints/best.safetensors",
        "checkpoints/step-0000000420.safetensors",
        "code/pkg/blocks.py",
        "evaluations/test-20261123-091455.json",
        "manifest.json",
        "model.keras",
        "requirements.txt",
        "resolved.yaml",
        "source.diff",
        "spec.yaml",
        "spec/bases/common.yaml",
    ]


def test_the_newest_two_states_are_kept(run):
    for step in (5, 10_000_000_000, 20, 30):
        run.write_state(step, [str(step).encode()])

    assert files(run) == [
        "checkpoints/step-0000000030.safetensors",
        "checkpoints/step-10000000000.safetensors",
    ]
    assert run.last_checkpoint == run.checkpoints / "step-10000000000.safetensors"


def test_without_checkpoints_there_is_no_last_and_no_best(run):
    assert (run.last_checkpoint, run.best_checkpoint) == (None, None)


def test_the_best_checkpoint_is_replaced(run):
    run.write_best([b"1"])
    run.write_best([b"2"])

    assert run.best_checkpoint == run.checkpoints / "best.safetensors"
    assert run.best_checkpoint.read_bytes() == b"2"


def test_a_model_that_cannot_be_written_leaves_the_old_one(run):
    run.replace_model(lambda path: path.write_bytes(b"old"))

    def fail(path):
        path.write_bytes(b"half")
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        run.replace_model(fail)

    assert files(run) == ["model.keras"]
    assert run.model_file.read_bytes() == b"old"


def test_evaluations_of_one_second_are_all_kept(run):
    paths = [run.write_evaluation("test", NOW, {"loss": loss}) for loss in (1, 2, 3)]

    assert [path.name for path in paths] == [
        "test-20261123-091455.json",
        "test-20261123-091455-2.json",
        "test-20261123-091455-3.json",
    ]


@pytest.mark.parametrize("relative", ["../blocks.py", "/etc/passwd", "a/../../b.py"])
def test_nothing_is_written_outside(run, relative):
    with pytest.raises(RunRefused) as error:
        run.write_given(b"", code={relative: b""})

    assert str(error.value) == (
        f"error[path-outside-run]: `{relative}` leads out of run `{run.id}`; expected a plain path below it"
    )


# ---------------------------------------------------------------- integrity


def test_sums_are_those_of_sha256sum(run):
    run.write_given(b"name: a\n", code={"back\\slash.py": b"x", "caf\udce9.py": b"x"})
    run.sums_mac.write_bytes(b"mac")
    (run.path / "link").symlink_to("spec.yaml")
    (run.path / ".spec.yaml.0123abcd.tmp.yaml").write_bytes(b"half")
    with run.lock():
        run.write_sums()

    x = hashlib.sha256(b"x").hexdigest()
    assert run.sums.read_bytes() == (
        f"\\{x}  code/back\\\\slash.py\n{x}  code/caf".encode()
        + b"\xe9.py\n"
        + f"{hashlib.sha256(b'name: a' + bytes([10])).hexdigest()}  spec.yaml\n".encode()
    )
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=run.path, check=True)
    assert run.verify("code/back\\slash.py")
    assert run.verify("code/caf\udce9.py")
    assert run.verify("spec.yaml")


def test_a_file_that_is_added_leaves_what_is_said_of_the_others(run):
    run.write_given(b"name: a\n")
    run.write_sums()
    before = run.sums.read_text()
    run.spec.write_bytes(b"name: b\n")
    path = run.write_evaluation("test", NOW, {"loss": 0.5})

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run.sums.read_text() == f"{before}{digest}  evaluations/test-20261123-091455.json\n"
    assert run.verify("evaluations/test-20261123-091455.json")
    with pytest.raises(RunRefused, match=r"error\[file-differs\]"):
        run.verify("spec.yaml")


def test_a_file_that_is_added_where_nothing_is_vouched_for_begins_no_list(run):
    run.write_given(b"name: a\n")
    run.add_sum(run.spec)

    assert files(run) == ["spec.yaml"]


def test_logs_are_listed_when_they_are_closed(run):
    run.train_log.write_text("epoch 1\n")
    run.backend_log.write_text("")
    run.write_sums()
    listed = [run.sums.read_text()]
    run.add_sum(run.train_log)
    listed.append(run.sums.read_text())

    assert listed == [
        "",
        f"{hashlib.sha256(bytes('epoch 1', 'ascii') + bytes([10])).hexdigest()}  train.log\n",
    ]


def test_a_file_that_is_listed_again_has_one_line(run):
    run.write_given(b"name: a\n", code={"back\\slash.py": b"x"})
    run.write_sums()
    for text in ("epoch 1\n", "epoch 2\n"):
        run.train_log.write_text(text)
        run.add_sum(run.train_log)
        run.add_sum(run.code / "back\\slash.py")

    names = [line.partition("  ")[2] for line in run.sums.read_text().splitlines()]
    assert names == ["spec.yaml", "train.log", "code/back\\\\slash.py"]
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=run.path, check=True)


def test_without_sums_nothing_is_vouched_for(run):
    run.write_given(b"name: a\n")

    assert run.verify("spec.yaml") is False


def test_withdrawn_sums_are_gone(run):
    run.write_sums()
    run.remove_sums()

    assert files(run) == []


def test_a_changed_file_is_refused(run):
    run.write_given(b"name: a\n")
    run.write_sums()
    run.spec.write_bytes(b"name: b\n")

    with pytest.raises(RunRefused) as error:
        run.verify("spec.yaml")

    assert str(error.value) == (
        "error[file-differs]: `spec.yaml` is not the file that `SHA256SUMS` of its run describes\n"
        "help: it was changed after kexp wrote the run; ask for the run again"
    )


def test_a_missing_file_is_refused(run):
    run.write_given(b"name: a\n")
    run.write_sums()
    run.spec.unlink()

    with pytest.raises(RunRefused, match=r"error\[file-differs\]"):
        run.verify("spec.yaml")


def test_a_file_that_was_added_is_refused(run):
    run.write_sums()
    run.code.mkdir()
    (run.code / "evil.py").touch()

    with pytest.raises(RunRefused) as error:
        run.verify("code/./evil.py")

    assert str(error.value) == (
        "error[file-not-listed]: `code/evil.py` is not among the files that `SHA256SUMS` of its run names\n"
        "help: it was added after kexp wrote the run; remove it, or ask for the run again"
    )


def test_a_file_behind_a_link_is_refused(tmp_path, run):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.py").write_bytes(b"x")
    run.code.symlink_to(tmp_path / "elsewhere")
    run.sums.write_text(f"{hashlib.sha256(b'x').hexdigest()}  code/a.py\n")

    with pytest.raises(RunRefused, match=r"error\[path-outside-run\]"):
        run.verify("code/a.py")


def test_a_run_that_lies_behind_a_link_is_fine(tmp_path, run):
    run.write_given(b"name: a\n")
    run.write_sums()
    (tmp_path / "link").symlink_to(run.path)

    assert RunDir(tmp_path / "link").verify("spec.yaml")


def test_sums_that_are_not_sums_are_refused(run):
    run.write_given(b"name: a\n")
    run.sums.write_text("hello\n")

    with pytest.raises(RunRefused) as error:
        run.verify("spec.yaml")

    assert str(error.value) == (
        f"error[file-broken]: `SHA256SUMS` of run `{run.id}` is broken: "
        "it is not a list of hashes and names\n"
        "help: restore the file from a copy of the run, or move the run away"
    )


# ---------------------------------------------------------------- lock


def test_a_run_is_locked_while_a_process_owns_it(run):
    seen = [run.is_locked()]
    with run.lock():
        seen.append(run.is_locked())
    seen.append(run.is_locked())

    assert seen == [False, True, False]


def test_a_run_owned_by_another_process_is_refused_until_that_dies(run):
    code = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); "
        "print(flush=True); input()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with owner:
        owner.stdout.readline()
        run.status.write_text(f'{{"schema": 1, "pid": {owner.pid}}}')
        is_locked = run.is_locked()
        with pytest.raises(RunRefused) as error, run.lock():
            pass
        owner.kill()

    assert is_locked
    assert str(error.value) == (
        f"error[run-locked]: process {owner.pid} is using run `{run.id}`\n"
        f"help: wait until it ends; `{run.train_log}` says how far it is"
    )
    with run.lock():
        assert run.is_locked()


def test_an_owner_without_a_status_is_another_process(run):
    with run.lock(), pytest.raises(RunRefused, match="another process is using run"), run.lock():
        pass


def test_a_new_owner_removes_what_a_killed_one_was_writing(run):
    run.write_state(1, [b"state"])
    (run.checkpoints / ".step-0000000002.safetensors.0123abcd.tmp.safetensors").write_bytes(b"half")
    (run.path / ".model.keras.0123abcd.tmp.keras").write_bytes(b"half")

    with run.lock():
        assert files(run) == ["checkpoints/step-0000000001.safetensors", "lock"]


@pytest.mark.parametrize("kept", ["code/own.py", "spec/base.yaml", "preprocess/words.json", "status.json"])
def test_a_new_owner_removes_it_wherever_that_was(run, kept):
    run.inside(run.path, kept).parent.mkdir(exist_ok=True)
    temporary_beside(run.path / kept).write_bytes(b"half")

    with run.lock():
        assert files(run) == ["lock"]


def test_an_owner_who_cannot_remove_it_owns_the_run_all_the_same(run, monkeypatch):
    half = temporary_beside(run.status)
    half.write_bytes(b"half")

    def fail(path):
        raise PermissionError(1, "Operation not permitted", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("kexp.record.files.os.unlink", fail)
        with run.lock():
            assert files(run) == [half.name, "lock"]


def test_a_file_that_cannot_be_written_is_no_bug(run):
    run.notes.mkdir()

    with pytest.raises(RunRefused) as error, run.lock():
        write_notes(run, Notes(("tag",)))

    assert str(error.value) == f"error[run-not-writable]: `{run.notes}` cannot be written: Is a directory"


def test_another_s_file_that_cannot_be_read_is_not_the_run_s(run, tmp_path):
    with pytest.raises(FileNotFoundError), run.lock():
        (tmp_path / "nowhere").read_bytes()


def test_a_state_stays_where_an_old_one_cannot_be_dropped(run, monkeypatch):
    run.write_state(1, [b"1"], 1)

    def fail(path):
        raise OSError(5, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("kexp.record.files.os.unlink", fail)
        run.write_state(2, [b"2"], 1)
    assert [path.name for path in run.states()] == [run.state(1).name, run.state(2).name]

    run.write_state(3, [b"3"], 1)
    assert [path.name for path in run.states()] == [run.state(3).name]


def test_states_after_a_step_are_dropped(run):
    for step in (1, 2, 3):
        run.write_state(step, [b""], 3)
    run.drop_states_after(1)

    assert [path.name for path in run.states()] == [run.state(1).name]


def test_a_lock_that_cannot_be_made_is_refused(run):
    (run.path / "lock").mkdir()

    with pytest.raises(RunRefused) as error, run.lock():
        pass

    assert str(error.value) == f"error[run-not-writable]: `{run.path}` cannot be written: Is a directory"
