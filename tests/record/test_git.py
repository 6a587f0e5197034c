import hashlib
import subprocess

import pytest

from kexp.record.git import git_checkout, git_commit, git_diff


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    (folder / "configs").mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\n")
    (folder / "configs" / "spec.yaml").write_text("name: a\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_checkout_is_known_from_a_folder_in_it(checkout):
    git(checkout, "remote", "add", "origin", "https://me:hunter2@example.org/x.git")

    assert git_checkout(checkout / "configs") == {
        "commit": git(checkout, "rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
        "diff_sha256": None,
        "untracked": [],
        "num_untracked": 0,
        "remote": "https://example.org/x.git",
    }
    assert git_diff(checkout) == b""
    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_changes_are_a_patch_that_git_applies(checkout, tmp_path):
    (checkout / "a.py").write_text("x = 2\n")
    (checkout / "new file").write_text("")
    git(checkout, "config", "diff.noprefix", "true")
    git(checkout, "config", "color.ui", "always")

    found = git_checkout(checkout / "configs")
    patch = git_diff(checkout / "configs")

    assert (found["dirty"], found["untracked"]) == (True, ["new file"]) or found["untracked"] == [
        "../new file"
    ]
    assert found["diff_sha256"] == hashlib.sha256(patch).hexdigest()
    git(tmp_path, "clone", "-q", "checkout", "copy")
    (tmp_path / "patch").write_bytes(patch)
    git(tmp_path / "copy", "apply", str(tmp_path / "patch"))
    assert (tmp_path / "copy" / "a.py").read_text() == "x = 2\n"


def test_a_detached_head_has_no_branch(checkout):
    git(checkout, "checkout", "-q", "--detach")

    assert git_checkout(checkout)["branch"] is None


def test_a_checkout_without_commits_has_none(tmp_path):
    git(tmp_path, "init", "-q")

    assert git_checkout(tmp_path) == {
        "commit": None,
        "branch": "main",
        "dirty": False,
        "diff_sha256": None,
        "untracked": [],
        "num_untracked": 0,
        "remote": None,
    }


def test_monitors_and_diff_programs_that_a_checkout_names_are_not_run(checkout, tmp_path):
    for key in ("core.fsmonitor", "diff.external"):
        git(checkout, "config", key, f"touch {tmp_path}/ran; false")
    (checkout / "a.py").write_text("x = 2\n")

    assert git_checkout(checkout)["dirty"]
    assert not (tmp_path / "ran").exists()


def test_the_repository_of_a_hook_is_not_taken_for_that_of_the_spec(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))

    assert git_commit(checkout) is not None


def test_outside_a_checkout_there_is_none(tmp_path):
    assert git_checkout(tmp_path) is None
    assert git_diff(tmp_path) == b""
    assert git_commit(tmp_path / "missing") is None


def test_without_git_there_is_none(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert git_checkout(checkout) is None


def test_very_many_untracked_files_are_counted(checkout, monkeypatch):
    monkeypatch.setattr("kexp.record.git.MAX_UNTRACKED", 2)
    for name in ("x", "y", "z", "token=hunter2"):
        (checkout / name).write_text("")

    found = git_checkout(checkout)

    assert (found["untracked"], found["num_untracked"]) == (["token=<redacted>", "x"], 4)
