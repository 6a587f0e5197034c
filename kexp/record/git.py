"""What git says of the folder that a spec came from."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import TypedDict

from kexp.record.redaction import redacted_text

TIMEOUT_SECONDS = 5
MAX_UNTRACKED = 1000

# Give the same diff under any configuration, and run no diff program that it names.
_DIFF = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
# A hook that starts kexp sets these, for its own repository.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class Checkout(TypedDict):
    """`dirty` is about tracked files; `diff_sha256` is of what `git_diff` returns, None without changes.

    `untracked` are the first of `num_untracked`.
    """

    commit: str | None
    branch: str | None
    dirty: bool
    diff_sha256: str | None
    untracked: list[str]
    num_untracked: int
    remote: str | None


def git_checkout(cwd: Path) -> Checkout | None:
    """Describe the checkout around `cwd`; None where there is none, or no git."""
    status = _git(cwd, "status", "--porcelain=v2", "--branch", "-z", "--no-renames", "-unormal")
    if status is None:
        return None
    lines = os.fsdecode(status).split("\0")
    commit = _header(lines, "# branch.oid ")
    branch = _header(lines, "# branch.head ")
    untracked = [redacted_text(line[2:]) for line in lines if line.startswith("? ")]
    remote = _git(cwd, "remote", "get-url", "origin")
    return Checkout(
        commit=None if commit == "(initial)" else commit,
        branch=None if branch == "(detached)" else branch,
        dirty=any(line[:2] in ("1 ", "u ") for line in lines),
        diff_sha256=git_diff_sha256(cwd),
        untracked=untracked[:MAX_UNTRACKED],
        num_untracked=len(untracked),
        remote=redacted_text(os.fsdecode(remote).strip()) if remote else None,
    )


def git_diff(cwd: Path) -> bytes:
    """Return the uncommitted changes as a patch that `git apply` takes; empty where there are none."""
    return _git(cwd, "diff", "--binary", "--full-index", *_DIFF, "HEAD") or b""


def git_diff_sha256(cwd: Path) -> str | None:
    diff = git_diff(cwd)
    return hashlib.sha256(diff).hexdigest() if diff else None


def git_commit(cwd: Path) -> str | None:
    commit = _git(cwd, "rev-parse", "--verify", "HEAD")
    return commit.decode().strip() if commit else None


def _git(cwd: Path, *arguments: str) -> bytes | None:
    command = ["git", "-C", str(cwd), "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments]
    environ = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _header(lines: list[str], start: str) -> str | None:
    return next((line.removeprefix(start) for line in lines if line.startswith(start)), None)
