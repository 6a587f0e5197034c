import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kexp.record.differences import Difference
from kexp.record.history import append_row
from kexp.record.level import Claim
from kexp.record.reproduction import (
    Diverged,
    Interval,
    Moved,
    Parting,
    Reproduction,
    compared,
    intervals,
    other_seed,
)
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.report.reproduction import reproduction_text

MANIFEST: dict[str, Any] = {
    "schema": 1,
    "hostname": "here",
    "cpu": {"model": "Fast 9000", "flags": ["fpu", "avx2"], "num_cpus": 8},
    "backend": {"name": "tensorflow", "tensorflow": "2.21.0", "threads": 2, "engine": {"mode": "resident"}},
    "variables": {"VIRTUAL_ENV": "/a", "TF_X": "1"},
    "distributions": [{"name": "numpy", "version": "2.4.6", "record_sha256": "1"}],
    "level": {"claims": "R2", "why_not": []},
}
METRICS = {"loss": 0.5, "test_loss": 0.6, "test_accuracy": 0.9}
OTHERS = [{"loss": 0.1, "test_loss": loss, "test_accuracy": 0.9} for loss in (0.58, 0.61, 0.63)]


def run(folder: Path, name: str, **changed: Any) -> RunDir:
    """Make a completed run; `changed` are sections of its manifest, or `losses`, `metrics`, `weights`."""
    made = RunDir.create(folder, name, datetime(2026, 11, 23, tzinfo=UTC), "k3f7")
    losses = changed.pop("losses", (0.7, 0.5))
    for epoch, loss in enumerate(losses, start=1):
        append_row(made, {"epoch": epoch, "seconds": 0.1 * len(name), "loss": loss})
    status = Status(
        "completed",
        name,
        epoch=len(losses),
        metrics=changed.pop("metrics", METRICS),
        weights_sha256=changed.pop("weights", "a" * 64),
    )
    write_status(made, status)
    made.write_manifest({**MANIFEST, **changed})
    return made


def both(tmp_path: Path, others: Any = (), **changed: Any) -> Reproduction:
    return compared(run(tmp_path, "first"), run(tmp_path, "again", **changed), others)


def test_the_same_bits_keep_every_promise(tmp_path: Path) -> None:
    found = both(tmp_path, hostname="there", cpu={**MANIFEST["cpu"], "num_cpus": 4})

    assert found == Reproduction(
        claim=Claim("R2"),
        drift=(),
        parting=None,
        metrics=tuple(Moved(name, value, value) for name, value in METRICS.items()),
        epochs=2,
    )
    assert (found.is_kept, found.reached) == (True, "R1")
    assert reproduction_text("first", "again", found) == (
        "run      first\n"
        "again    again\n"
        "claimed  R2: the same bits, also when interrupted and resumed\n"
        "drift    nothing: the same machine class, packages and threads\n"
        "result   bit-identical: weights, 2 epochs of history and 3 metrics\n"
        "reached  R1: the same bits on the same machine class, packages and threads; the promise is kept"
    )


@pytest.mark.parametrize(
    ("changed", "parting"),
    [
        ({"losses": (0.7, 0.25), "weights": "b"}, Parting("epoch 2", "loss", 0.5, 0.25)),
        ({"losses": (0.7,)}, Parting("epoch 2", "epoch", 2, None)),
        ({"metrics": {**METRICS, "test_loss": 0.7}}, Parting("the result", "test_loss", 0.6, 0.7)),
        ({"weights": "b" * 64}, Parting("the weights", "sha256", "a" * 64, "b" * 64)),
    ],
)
def test_other_bits_where_nothing_drifted_break_the_promise(
    tmp_path: Path, changed: dict[str, Any], parting: Parting
) -> None:
    found = both(tmp_path, OTHERS, **changed)

    assert (found.parting, found.reached, found.is_kept) == (parting, "R0", False)


def test_other_bits_are_no_broken_promise_where_something_drifted(tmp_path: Path) -> None:
    found = both(
        tmp_path,
        losses=(0.7, 0.25),
        metrics={**METRICS, "loss": 0.25},
        distributions=[{"name": "numpy", "version": "2.5.0"}],
        cpu={**MANIFEST["cpu"], "flags": ["fpu", "amx"]},
        variables={"TF_X": "2"},
    )

    assert found.drift == (
        Difference("environment", "variables.TF_X", "1", "2"),
        Difference("environment", "cpu.flags", "avx2", "amx"),
        Difference("environment", "packages.numpy", "2.4.6", "2.5.0"),
    )
    assert found.is_kept
    assert reproduction_text("first", "again", found) == (
        "run      first\n"
        "again    again\n"
        "claimed  R2: the same bits, also when interrupted and resumed\n"
        "drift    variables.TF_X  1 → 2\n"
        "         cpu.flags       avx2 → amx\n"
        "         packages.numpy  2.4.6 → 2.5.0\n"
        "result   differs, first in loss of epoch 2: 0.5 → 0.25\n"
        "moved          then  now   by\n"
        "         loss  0.5   0.25  -0.25\n"
        "reached  R0: the same spec, code and data; what drifted may explain the rest; "
        "`--seeds 5` tells whether seeds lead to this result"
    )


def test_a_package_installed_from_other_files_has_drifted(tmp_path: Path) -> None:
    found = both(tmp_path, distributions=[{"name": "numpy", "version": "2.4.6", "record_sha256": "2"}])

    assert found.drift == (Difference("environment", "packages.numpy.record_sha256", "1", "2"),)


def test_a_run_that_promised_no_bits_breaks_none(tmp_path: Path) -> None:
    first = run(tmp_path, "first", level={"claims": "R0", "why_not": ["gpu:0 without determinism"]})
    found = compared(first, run(tmp_path, "again", weights="b" * 64))

    assert found.is_kept
    assert reproduction_text("first", "again", found).splitlines()[2:4] == [
        "claimed  R0: the same spec, code and data",
        "no more  gpu:0 without determinism",
    ]


@pytest.mark.parametrize(("test_loss", "is_kept"), [(0.6, True), (0.8, False)])
def test_other_seeds_tell_where_the_result_should_lie(
    tmp_path: Path, test_loss: float, is_kept: bool
) -> None:
    first = run(tmp_path, "first", metrics={**METRICS, "test_loss": test_loss}, level=None)
    found = compared(first, run(tmp_path, "again", weights="b" * 64), OTHERS)

    elsewhere = "" if is_kept else "; other seeds lead elsewhere"
    assert found.is_kept == is_kept
    assert reproduction_text("first", "again", found, 3).splitlines()[-1] == (
        f"reached  R0: the same spec, code and data; the run promised no more{elsewhere}"
    )
    outside = "" if is_kept else "  outside"
    assert reproduction_text("first", "again", found, 3).splitlines()[-4:-1] == [
        "seeds                   then  mean of 3  expected, 95%",
        f"         test_loss      {test_loss}   0.606667   0.426343 … 0.78699{outside}",
        "         test_accuracy  0.9   0.9        0.9 … 0.9",
    ]


def test_an_interval_is_of_what_a_paper_reports() -> None:
    then = {"loss": 1.0, "val_loss": 2.0, "val_auc": None}
    others = [{"loss": 1.0, "val_loss": value, "val_auc": 0.5} for value in (1.0, 3.0)]

    (found,) = intervals(then, others)
    assert (found.name, found.then, found.mean, found.holds) == ("val_loss", 2.0, 2.0, True)
    assert found.high - found.mean == pytest.approx(12.7062047 * 2**0.5 * 1.5**0.5)
    assert intervals({"loss": 1.0}, [{"loss": 1.0}]) == ()
    assert [i.name for i in intervals({"loss": 1.0}, [{"loss": 1.0}, {"loss": float("nan")}])] == []


def test_seeds_that_diverge_are_named_and_keep_nothing(tmp_path: Path) -> None:
    others = [*OTHERS, {"loss": 0.1, "test_loss": float("nan"), "test_accuracy": float("inf")}]
    first = run(tmp_path, "first", level=None)
    found = compared(first, run(tmp_path, "again", weights="b" * 64), others)

    assert (found.kept, found.is_kept, found.intervals) == (None, True, ())
    assert found.diverged == (Diverged("test_loss", 1, 4), Diverged("test_accuracy", 1, 4))
    assert found.as_json()["diverged"]["test_loss"] == {"seeds": 1, "of": 4, "run": False}
    assert reproduction_text("first", "again", found, 4).splitlines()[-3:] == [
        "diverged test_loss      not finite in 1 of 4 seeds",
        "         test_accuracy  not finite in 1 of 4 seeds",
        "reached  R0: the same spec, code and data; the run promised no more; "
        "what diverged leaves open whether seeds lead to this result",
    ]


def test_a_metric_that_holds_beside_one_that_diverged_leaves_the_verdict_open(tmp_path: Path) -> None:
    others = [{**other, "test_loss": float("nan")} for other in OTHERS]
    first = run(tmp_path, "first", level=None)
    found = compared(first, run(tmp_path, "again", weights="b" * 64), others)

    assert [(each.name, each.holds) for each in found.intervals] == [("test_accuracy", True)]
    assert (found.kept, found.diverged) == (None, (Diverged("test_loss", 3, 3),))


def test_a_metric_that_diverged_in_the_run_itself_is_named(tmp_path: Path) -> None:
    first = run(tmp_path, "first", metrics={**METRICS, "test_loss": None}, level=None)
    found = compared(first, run(tmp_path, "again", weights="b" * 64), OTHERS)

    assert found.diverged == (Diverged("test_loss", 0, 3, in_run=True),)
    assert reproduction_text("first", "again", found, 3).splitlines()[-2] == (
        "diverged test_loss  not finite in the run"
    )


def test_seeds_that_agree_hold_a_result_that_rounding_alone_tells_from_theirs() -> None:
    (near,) = intervals({"loss": 0.5}, [{"loss": 0.5000000000000001}] * 5)
    (far,) = intervals({"loss": 0.5}, [{"loss": 0.5000001}] * 5)

    assert (near.high - near.low, near.holds, far.holds) == (0.0, True, False)


def test_the_record_says_all_of_it(tmp_path: Path) -> None:
    found = both(tmp_path, losses=(0.7, 0.25), metrics={**METRICS, "loss": 0.25}, variables={})
    record = json.loads(json.dumps(found.as_json()))

    assert record == {
        "claims": "R2",
        "why_not": [],
        "reached": "R0",
        "kept": None,
        "bit_identical": False,
        "first_difference": {"where": "epoch 2", "name": "loss", "then": 0.5, "now": 0.25},
        "metrics": {
            "loss": {"then": 0.5, "now": 0.25, "moved": -0.25},
            "test_loss": {"then": 0.6, "now": 0.6, "moved": 0.0},
            "test_accuracy": {"then": 0.9, "now": 0.9, "moved": 0.0},
        },
        "drift": [{"key": "variables.TF_X", "then": "1", "now": None}],
        "intervals": {},
        "diverged": {},
    }
    assert Interval("a", 1.0, 2.0, 1.5, 2.5).holds is False


def test_the_other_seeds_are_the_same_whenever_a_run_is_reproduced():
    assert [other_seed(3, number) for number in range(2)] == [1569063725, 344277772]
    assert len({other_seed(seed, number) for seed in range(3) for number in range(3)}) == 9
