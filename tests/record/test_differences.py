import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kexp.record.differences import Difference, differences
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.report.differences import differences_text

SPEC = """\
kexp: 1
model:
  layers:
  - Dense: {units: 64}
  - Dense: {units: 10}
train:
  optimizer:
    Adam: {learning_rate: 0.001}
  epochs: 5
"""


def run(folder: Path, name: str, spec: str = SPEC, loss: float = 0.5, **manifest: Any) -> RunDir:
    made = RunDir.create(folder, name, datetime(2026, 11, 23, tzinfo=UTC))
    made.resolved.write_text(spec)
    made.manifest.write_text(json.dumps({"schema": 1, **manifest}))
    write_status(
        made, Status("completed", name, epoch=5, metrics={"val_loss": loss}, weights_sha256="a" * 64)
    )
    return made


def test_equal_runs_differ_in_nothing(tmp_path: Path) -> None:
    first, second = run(tmp_path, "a"), run(tmp_path, "b")
    assert differences(first, second) == []
    assert differences_text([]) == "the same: spec, code, environment, data, result"


def test_every_section_says_what_changed(tmp_path: Path) -> None:
    first = run(
        tmp_path,
        "a",
        python={"version": "3.11.7"},
        distributions=[{"name": "keras", "version": "3.15.0"}, {"name": "old", "version": "1"}],
        data={"files": [{"path": "t.csv", "sha256": "0" * 64}], "info": {"sizes": {"train": 10}}},
    )
    second = run(
        tmp_path,
        "b",
        spec=SPEC.replace("epochs: 5", "epochs: 7").replace(
            "  - Dense: {units: 10}\n", "  - ReLU\n  - Dense: {units: 10}\n"
        ),
        loss=0.25,
        python={"version": "3.12.1"},
        distributions=[{"name": "keras", "version": "3.15.1"}],
        data={"files": [{"path": "t.csv", "sha256": "1" * 64}], "info": {"sizes": {"train": 11}}},
    )
    assert differences_text(differences(first, second)) == (
        "spec:\n"
        "  model:\n"
        "    @@ -3,2 +3,3 @@\n"
        "         units: 64\n"
        "    +- ReLU\n"
        "     - Dense:\n"
        "  train.epochs  5 → 7\n"
        "\n"
        "environment:\n"
        "  python.version  3.11.7 → 3.12.1\n"
        "  packages.keras  3.15.0 → 3.15.1\n"
        "  packages.old    1 → (none)\n"
        "\n"
        "data:\n"
        "  sizes.train  10 → 11\n"
        "  files.t.csv  000000000000 → 111111111111\n"
        "\n"
        "result:\n"
        "  val_loss  0.5 → 0.25\n"
        "\n"
        "the same: code"
    )


def test_a_run_that_was_cut_off_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = run(tmp_path, "a")
    cut = RunDir.create(tmp_path, "cut", datetime(2026, 11, 23, tzinfo=UTC))
    cut.write_given(b"")
    found = differences(whole, cut)
    assert Difference("result", "epochs", 5, 0) in found
    assert {d.section for d in found} == {"spec", "result"}
