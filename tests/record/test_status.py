import json
import math
from datetime import UTC, datetime

import pytest

from kexp.errors import RunRefused
from kexp.record.rundir import RunDir
from kexp.record.status import STATES, Status, derive_state, is_begun, read_status, standing, write_status

MOMENT = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)


@pytest.fixture
def run(tmp_path):
    return RunDir(tmp_path)


def test_a_status_reads_back(run):
    status = Status(
        state="completed",
        name="digits",
        created=MOMENT,
        started=MOMENT.replace(microsecond=120),
        ended=MOMENT,
        pid=7,
        host="box",
        epoch=3,
        step=420,
        error="disk full",
        checkpoint_error="disk full",
        wall_seconds=3.25,
        peak_memory_bytes=1 << 30,
        samples={"train": 100},
        metrics={"val_loss": 0.1 + 0.2},
        best={"epoch": 2, "monitor": "val_loss", "value": 0.3},
        weights_sha256="ab" * 32,
    )

    write_status(run, status)

    assert read_status(run) == status


def test_the_file_says_its_schema_times_in_utc_and_what_was_not_finite(run):
    write_status(run, Status("failed", "a", MOMENT, metrics={"loss": math.nan, "accuracy": 0.5}))

    assert json.loads(run.status.read_text()) == {
        "schema": 1,
        "state": "failed",
        "name": "a",
        "created": "2026-11-23T09:14:55Z",
        "started": None,
        "ended": None,
        "pid": None,
        "host": None,
        "epoch": 0,
        "step": 0,
        "error": None,
        "checkpoint_error": None,
        "wall_seconds": None,
        "peak_memory_bytes": None,
        "samples": {},
        "metrics": {"loss": None, "accuracy": 0.5},
        "best": None,
        "weights_sha256": None,
        "nonfinite": ["loss"],
    }


def test_a_run_without_a_status_was_just_created(run):
    assert read_status(run) == Status("created")


def test_unknown_keys_are_passed_over_and_missing_ones_have_defaults(run):
    run.status.write_text('{"schema": 1, "state": "running", "mood": "good", "host": null}')

    assert read_status(run) == Status("running")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"state": "happy"}, "`state` is 'happy'"),
        ({"step": "4"}, "`step` is '4'"),
        ({"step": True}, "`step` is True"),
        ({"metrics": {"loss": []}}, "the metric `loss` is []"),
        ({"created": "soon"}, "Invalid isoformat string: 'soon'"),
    ],
)
def test_a_wrong_value_is_refused(run, record, why):
    run.status.write_text(json.dumps(record))

    with pytest.raises(RunRefused) as error:
        read_status(run)

    assert error.value.diagnostics[0].message == f"`status.json` of run `{run.id}` is broken: {why}"


def test_a_time_without_a_zone_is_universal():
    assert Status.from_json({"created": "2026-11-23T09:14:55"}).created == MOMENT


def test_a_run_that_goes_on_and_that_nobody_holds_was_interrupted():
    assert {state: derive_state(Status(state), locked=False) for state in STATES} == {
        "created": "interrupted",
        "running": "interrupted",
        "completed": "completed",
        "failed": "failed",
        "interrupted": "interrupted",
        "stopped": "stopped",
    }
    assert [derive_state(Status(state), locked=True) for state in STATES] == list(STATES)


def test_a_run_that_ends_while_it_is_looked_at_was_not_interrupted(run, monkeypatch):
    write_status(run, Status("running"))

    def ended(self):
        write_status(run, Status("completed"))
        return False

    with monkeypatch.context() as patch:
        patch.setattr(RunDir, "is_locked", ended)
        assert standing(run) == (Status("completed"), "completed")


def test_how_a_run_stands_is_what_it_says_while_someone_holds_it(run):
    write_status(run, Status("running"))
    with run.lock():
        assert standing(run)[1] == "running"

    assert standing(run)[1] == "interrupted"


def test_a_run_is_begun_when_all_that_is_asked_of_it_is_written_down(run):
    seen = [is_begun(run)]
    run.write_resolved("name: a\n")
    write_status(run, Status("failed", created=MOMENT))
    seen.append(is_begun(run))
    write_status(run, Status("running", created=MOMENT, started=MOMENT))

    assert [*seen, is_begun(run)] == [False, False, True]
