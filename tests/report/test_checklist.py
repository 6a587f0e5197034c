from pathlib import Path
from typing import Any

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

    assert [line for line in lines if line.startswith("- [x]")] == [
        "- [x] **How is it trained again?** from the run directory alone:",
    ]


def test_a_manifest_that_someone_else_wrote_is_no_bug() -> None:
    strange: dict[str, Any] = {"level": 3, "data": {"info": [], "files": [7]}, "spec": {"seed": []}}
    text = checklist(Recorded("k3f7", strange, Status(best={"monitor": ["\x1b[2J"]}), {}))

    assert "\x1b" not in text
