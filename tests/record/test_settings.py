import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kexp.record.repeats import Repeat, repeats
from kexp.record.rundir import RunDir
from kexp.record.settings import settings_with_origin
from kexp.record.status import Status, write_status

SPEC = """\
extends: base.yaml
train:
  optimizer: {Adam: 0.01}
  epochs: 3
"""
BASE = """\
data: {source: sklearn}
train: {batch_size: 64}
"""
RESOLVED = """\
kexp: 1
seed: {seed}
runtime: {{threads: {threads}, device: cpu}}
data: {{source: sklearn, dataset: digits}}
model: {{layers: [{{Dense: {{units: 10}}}}]}}
train:
  optimizer: {{Adam: {{learning_rate: 0.01, beta_1: 0.9}}}}
  epochs: 5
  batch_size: 64
  shuffle: true
  loss: {{Huber: {{delta: 2.0}}}}
"""
COMMAND = ["kexp", "train", "a.yaml", "--seed", "3", "-s", "train.epochs=5", "--set=train.loss={Huber: 2.0}"]


def run(
    folder: Path, seed: int = 3, state: str = "completed", threads: int = 2, content: str = "c", **more: Any
) -> RunDir:
    made = RunDir.create(folder, "a", datetime(2026, 11, 23, 9, 14, seed, tzinfo=UTC), "k3f7")
    made.write_given(SPEC.encode(), {"base.yaml": BASE.encode()})
    made.write_resolved(RESOLVED.format(seed=seed, threads=threads))
    data = {"content_sha256": {"train": content}}
    record = {"schema": 1, "command": COMMAND, "spec": {"seed": seed}, "data": data, **more}
    made.manifest.write_text(json.dumps(record))
    write_status(made, Status(state, "a", metrics={"loss": 1.0}))
    return made


def test_each_setting_says_where_it_is_from(tmp_path: Path) -> None:
    assert settings_with_origin(run(tmp_path)) == {
        "kexp": (1, "default"),
        "seed": (3, "command line"),
        "runtime.threads": (2, "default"),
        "runtime.device": ("cpu", "default"),
        "data.source": ("sklearn", "spec"),
        "data.dataset": ("digits", "default"),
        "train.optimizer.Adam.learning_rate": (0.01, "spec"),
        "train.optimizer.Adam.beta_1": (0.9, "default"),
        "train.epochs": (5, "command line"),
        "train.batch_size": (64, "spec"),
        "train.shuffle": (True, "default"),
        "train.loss.Huber.delta": (2.0, "command line"),
    }


def test_what_a_resume_changed_is_its_own(tmp_path: Path) -> None:
    changed = [{"time": "", "settings": ["train.epochs: 3 -> 5"]}, {"time": "", "settings": 7}]
    found = settings_with_origin(run(tmp_path, changed=changed))

    assert [path for path, (_, whence) in found.items() if whence == "a resume"] == ["train.epochs"]


@pytest.mark.parametrize(
    "words",
    [
        ["-strain.epochs=5"],
        ["-qstrain.epochs=5"],
        ["-qs", "train.epochs=5"],
        ["-s", "train.epochs=5"],
        ["--set=train.epochs=5"],
        ["--set", "train.epochs=5"],
    ],
)
def test_a_setting_of_the_command_line_is_known_however_it_is_written(
    tmp_path: Path, words: list[str]
) -> None:
    found = settings_with_origin(run(tmp_path, command=["kexp", "train", "a.yaml", *words]))

    assert [path for path, (_, whence) in found.items() if whence == "command line"] == ["train.epochs"]


def reproduction(folder: Path, **changed: Any) -> RunDir:
    """Make a run that trained one with seed 3 and two threads again: its spec is what that one resolved."""
    made = run(folder, reproduces="20261123-091455-a-aaaa", **changed)
    made.write_given(RESOLVED.format(seed=3, threads=2).encode())
    return made


def test_the_settings_of_a_reproduction_are_those_of_its_run(tmp_path: Path) -> None:
    found = settings_with_origin(reproduction(tmp_path))

    assert {whence for _, whence in found.values()} == {"run 20261123-091455-a-aaaa"}


def test_what_a_reproduction_sets_itself_is_not_of_its_run(tmp_path: Path) -> None:
    made = reproduction(tmp_path, seed=4, threads=8, changed=[{"time": "", "settings": ["train.epochs: 5"]}])
    made.resolved.write_text(made.resolved.read_text().replace("dataset: digits", "dataset: wine"))
    found = settings_with_origin(made)

    assert {path: found[path] for path, (_, whence) in found.items() if not whence.startswith("run ")} == {
        "seed": (4, "command line"),
        "runtime.threads": (8, "default"),
        "data.dataset": ("wine", "command line"),
        "train.epochs": (5, "a resume"),
    }


def test_a_run_that_was_cut_off_has_no_settings(tmp_path: Path) -> None:
    assert settings_with_origin(RunDir(tmp_path)) == {}


def test_runs_of_one_experiment_differ_in_their_seeds_alone(tmp_path: Path) -> None:
    first = run(tmp_path)
    run(tmp_path, seed=4, threads=8)
    run(tmp_path, seed=5, content="other data")
    run(tmp_path, seed=6, state="failed")
    other = run(tmp_path, seed=7)
    other.resolved.write_text(other.resolved.read_text().replace("epochs: 5", "epochs: 6"))
    broken = run(tmp_path, seed=8)
    broken.resolved.write_text("a: [")

    assert repeats(first, tmp_path) == [
        Repeat("20261123-091403-a-k3f7", 3, {"loss": 1.0}),
        Repeat("20261123-091404-a-k3f7", 4, {"loss": 1.0}),
    ]


def test_a_run_that_lies_elsewhere_is_one_of_its_repeats(tmp_path: Path) -> None:
    first = run(tmp_path / "elsewhere")
    run(tmp_path / "runs", seed=4)

    assert [repeat.seed for repeat in repeats(first, tmp_path / "runs")] == [3, 4]


def test_a_run_that_failed_is_none_of_its_repeats(tmp_path: Path) -> None:
    first = run(tmp_path, state="failed")
    run(tmp_path, seed=4)

    assert [repeat.seed for repeat in repeats(first, tmp_path)] == [4]
