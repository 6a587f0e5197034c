import csv
import io
import json
import shutil

import numpy as np
import pytest

from kexp.record.history import read_rows
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture
def copied(trained, tmp_path):
    """The trained run in `tmp_path/runs`, to be spoilt."""
    shutil.copytree(trained.path, tmp_path / "runs" / trained.id)
    return RunDir(tmp_path / "runs" / trained.id)


# ---------------------------------------------------------------- evaluate


def test_evaluate_measures_what_the_training_ended_with_and_records_it(kexp, copied):
    done = kexp("evaluate", "latest", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    ended = {f"test_{name}": value for name, value in told["metrics"].items()}
    assert {k: v for k, v in read_status(copied).metrics.items() if k.startswith("test_")} == ended
    assert {k: v for k, v in told.items() if k != "metrics"} == {
        "schema": 1,
        "run": copied.id,
        "split": "test",
        "checkpoint": "best",
        "samples": 270,
    }
    (kept,) = copied.evaluations.iterdir()
    assert json.loads(kept.read_text()).items() >= {**told, "batch_size": 32}.items()
    assert f"evaluations/{kept.name}" in copied.sums.read_text()


def test_evaluate_measures_other_splits_and_the_last_state(kexp, copied):
    done = kexp("evaluate", copied.id, "--split", "val", "--checkpoint", "last")

    row = read_rows(copied)[-1]
    assert done.stdout == f"val_loss {row['val_loss']!r}\nval_accuracy {row['val_accuracy']!r}\n"
    assert done.stderr == f"{copied.id}: last checkpoint, 270 val samples\n"


def test_a_checkpoint_that_was_changed_is_refused(kexp, copied):
    data = bytearray(copied.best_checkpoint.read_bytes())
    data[-5] ^= 0xFF
    copied.best_checkpoint.write_bytes(data)
    done = kexp("evaluate", copied.id)

    assert (done.returncode, done.stdout, done.stderr) == (
        8,
        "",
        "error[file-differs]: `checkpoints/best.safetensors` is not the file that `SHA256SUMS` of its run "
        "describes\n"
        "help: it was changed after kexp wrote the run; ask for the run again\n",
    )


def test_evaluating_does_not_vouch_for_a_file_that_was_changed(kexp, copied):
    data = bytearray(copied.best_checkpoint.read_bytes())
    data[-5] ^= 0xFF
    copied.best_checkpoint.write_bytes(data)

    assert kexp("evaluate", copied.id, "--checkpoint", "last").returncode == 0
    done = kexp("evaluate", copied.id)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith("error[file-differs]: ")


def test_evaluating_does_not_vouch_for_a_run_that_was_killed(kexp, copied):
    copied.remove_sums()

    assert kexp("evaluate", copied.id).returncode == 0
    assert not copied.sums.exists()


def test_a_run_that_is_in_use_is_measured_and_the_result_is_told(kexp, copied):
    with copied.lock():
        done = kexp("evaluate", copied.id, "--json")

    pid = read_status(copied).pid
    assert (done.returncode, json.loads(done.stdout)["samples"]) == (8, 270)
    assert done.stderr == (
        f"error[run-locked]: this result is not recorded in the run: process {pid} is using run "
        f"`{copied.id}`\n"
        f"help: wait until it ends; `runs/{copied.id}/train.log` says how far it is\n"
    )
    assert not copied.evaluations.exists()


def spoil(run):
    """Make every weight NaN."""
    run.remove_sums()
    data = run.best_checkpoint.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    run.best_checkpoint.write_bytes(data[:begin] + b"\xff" * (len(data) - begin))


def test_what_is_not_a_number_is_null_in_json_and_named(kexp, copied, tmp_path):
    spoil(copied)
    np.save(tmp_path / "rows.npy", rows(1))
    measured = kexp("evaluate", copied.id, "--json")
    predicted = kexp("predict", copied.id, "rows.npy", "--proba", "--format", "jsonl")

    told = json.loads(measured.stdout, parse_constant=pytest.fail)
    assert (told["metrics"]["loss"], told["nonfinite"]) == (None, ["loss"])
    (kept,) = copied.evaluations.iterdir()
    assert json.loads(kept.read_text(), parse_constant=pytest.fail).items() >= told.items()
    row = json.loads(predicted.stdout, parse_constant=pytest.fail)
    shares = [f"target.{digit}" for digit in range(10)]
    assert row == {"row": 0, "target": "0", **dict.fromkeys(shares), "nonfinite": shares}


def test_a_checkpoint_that_was_cut_off_is_refused_where_nothing_vouches_for_it(kexp, copied):
    copied.remove_sums()
    copied.best_checkpoint.write_bytes(copied.best_checkpoint.read_bytes()[:1000])
    done = kexp("evaluate", copied.id)

    assert (done.returncode, done.stdout) == (8, "")
    first, help = done.stderr.splitlines()
    assert first.startswith("error[checkpoint-corrupt]: `best.safetensors` is not a whole checkpoint: ")
    assert help == "help: choose another with `--checkpoint best` or `--checkpoint last`"


def test_a_run_without_the_checkpoint_is_refused(kexp, copied):
    copied.remove_sums()
    copied.best_checkpoint.unlink()
    done = kexp("evaluate", copied.id)

    assert (done.returncode, done.stderr) == (
        4,
        f"error[no-checkpoint]: `{copied.id}` holds no best checkpoint\nhelp: it was removed since\n",
    )


# ---------------------------------------------------------------- predict


NAMES = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]


def rows(number):
    from sklearn.datasets import load_digits

    return load_digits().data[:number]


def test_predict_writes_a_class_for_every_row_of_an_array(kexp, copied, tmp_path):
    np.save(tmp_path / "rows.npy", rows(20))
    done = kexp("predict", "latest", "rows.npy", "--batch-size", "7")

    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = csv.reader(io.StringIO(done.stdout))
    assert head == ["row", "target"]
    assert [row for row, _ in lines] == [str(index) for index in range(20)]
    assert {label for _, label in lines} <= {str(digit) for digit in range(10)}


def test_predict_reads_csv_from_stdin_and_gives_shares(kexp, copied):
    text = io.StringIO()
    np.savetxt(text, rows(3), delimiter=",", header=",".join(NAMES), comments="")
    done = kexp("predict", copied.id, "-", "--proba", "--format", "jsonl", stdin=text.getvalue().encode())

    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(row) for row in found] == [
        ["row", "target", *(f"target.{digit}" for digit in range(10))]
    ] * 3
    for row in found:
        shares = [row[f"target.{digit}"] for digit in range(10)]
        assert abs(sum(shares) - 1) < 1e-5
        assert str(shares.index(max(shares))) == row["target"]


def test_rows_of_another_shape_are_refused(kexp, copied, tmp_path):
    np.save(tmp_path / "rows.npy", rows(4)[:, :10])
    done = kexp("predict", "latest", "rows.npy")

    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith("error[wrong-shape]: ")
