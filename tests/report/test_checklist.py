from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kexp.record.repeats import Repeat
from kexp.record.status import Status
from kexp.report.checklist import Recorded, checklist

GOLDEN = Path(__file__).parents[1] / "golden" / "checklist.md"
MANIFEST: dict[str, Any] = {
    "kexp": "0.1.0",
    "python": {"version": "3.11.7"},
    "cpu": {"model": "Fast 9000"},
    "memory": {"total_bytes": 32 * 10**9},
    "git": {"commit": "c" * 40, "dirty": True},
    "spec": {"seed": 3, "resolved_sha256": "1" * 64, "code": {"losses.py": "2" * 64}},
    "backend": {
        "name": "tensorflow",
        "tensorflow": "2.21.0",
        "keras": "3.15.1",
        "numpy": "2.4.6",
        "device": "gpu:0 (NVIDIA H100)",
        "threads": 8,
    },
    "model": {"parameters": 4810, "trainable_parameters": 4000},
    "data": {
        "info": {"sizes": {"train": 1257, "test": 270}},
        "files": [{"path": "/data/a|b.csv", "sha256": "3" * 64}],
        "content_sha256": {"train": "4" * 64, "test": "5" * 64},
        "index_sha256": {"train": "6" * 64, "test": "7" * 64},
    },
    "distributions": [{"name": "kexp", "diff_sha256": "8" * 64}, {"name": "keras", "diff_sha256": None}],
    "level": {"claims": "R0", "why_not": ["gpu:0 (NVIDIA H100) without `runtime.deterministic: true`"]},
}
SETTINGS: dict[str, tuple[object, str]] = {
    "data.source": ("csv", "spec"),
    "data.split.test": (0.15, "spec"),
    "data.split.seed": (0, "default"),
    "preprocess.x.layers": (["Normalization"], "spec"),
    "runtime.threads": (8, "default"),
    "train.epochs": (5, "command line"),
    "train.shuffle": (True, "default"),
}
STATUS = Status(
    "completed",
    "a",
    epoch=5,
    metrics={"val_loss": 0.25, "test_loss": None},
    best={"epoch": 4, "monitor": "val_loss", "value": 0.25},
    wall_seconds=3723.5,
    peak_memory_bytes=2 * 10**9,
)
REPEATS = [Repeat("k3f7", 3, {"val_loss": 0.25, "test_loss": None}), Repeat("m2p4", 4, {"val_loss": 0.75})]


def test_what_a_run_knows_is_filled_in_and_the_rest_is_left_to_the_authors(golden: Any) -> None:
    text = checklist(Recorded("20261123-091455-a-k3f7", MANIFEST, STATUS, SETTINGS, REPEATS))

    golden(f"{text}\n", GOLDEN)


def test_a_run_that_knows_nothing_leaves_all_to_the_authors() -> None:
    lines = checklist(Recorded("k3f7", {}, Status(), {})).splitlines()

    assert [line for line in lines if line.startswith("- [x]")] == []


def spread(*repeats: Repeat) -> list[str]:
    """Return what is said of these runs."""
    lines = checklist(Recorded("k3f7", MANIFEST, STATUS, SETTINGS, repeats)).splitlines()
    start = next(n for n, line in enumerate(lines) if "with which spread" in line)
    return [line.strip() for line in lines[start : lines.index("## Compute")] if line.strip()]


def test_a_seed_that_was_trained_twice_counts_once_in_the_spread() -> None:
    runs = [
        Repeat(f"r{n}", seed, {"acc": acc}) for n, (seed, acc) in enumerate([(1, 0.8), (1, 0.8), (2, 0.6)])
    ]

    assert spread(*runs) == [
        "- [x] **Over how many runs, with which spread?** 3 runs with 2 seeds, of the same spec, code and "
        "data; mean ± standard deviation, one run of each seed",
        "| metric | mean ± sd | lowest | highest |",
        "| --- | --- | --- | --- |",
        "| `acc` | 0.7 ± 0.14 | 0.6 | 0.8 |",
    ]


def test_a_metric_that_diverged_with_some_seeds_is_named() -> None:
    found = spread(
        *(Repeat(f"r{seed}", seed, {"acc": 0.5, "loss": None if seed else 1.0}) for seed in range(3))
    )

    assert found[-2:] == [
        "| `acc` | 0.5 ± 0 | 0.5 | 0.5 |",
        "| `loss` | not finite with 2 of 3 seeds |  |  |",
    ]


def test_runs_that_all_diverged_tell_no_spread() -> None:
    assert spread(Repeat("r1", 1, {"loss": None}), Repeat("r2", 2, {"loss": None})) == [
        "- [ ] **Over how many runs, with which spread?** *to be answered by the authors*",
        "2 runs with 2 seeds, none of whose metrics is finite with every seed",
        "| metric | mean ± sd | lowest | highest |",
        "| --- | --- | --- | --- |",
        "| `loss` | not finite with 2 of 2 seeds |  |  |",
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": Status("failed")}, "its training is not completed, but failed"),
        ({"manifest": {**MANIFEST, "spec": {"scope": "smoke"}}}, "it is a smoke run"),
        ({"manifest": {}}, "it has no manifest of what was trained"),
    ],
)
def test_a_run_that_reproduce_refuses_is_not_said_to_be_trained_again(
    changed: dict[str, Any], why: str
) -> None:
    lines = checklist(replace(Recorded("k3f7", MANIFEST, STATUS, SETTINGS), **changed)).splitlines()
    at = next(n for n, line in enumerate(lines) if "trained again" in line)

    assert lines[at : at + 2] == [
        "- [ ] **How is it trained again?** *to be answered by the authors*",
        f"  `kexp reproduce` refuses it: {why}",
    ]


def test_a_manifest_that_someone_else_wrote_is_no_bug() -> None:
    strange: dict[str, Any] = {"level": 3, "data": {"info": [], "files": [7]}, "spec": {"seed": []}}
    text = checklist(Recorded("k3f7", strange, Status(best={"monitor": ["\x1b[2J"]}), {}))

    assert "\x1b" not in text
