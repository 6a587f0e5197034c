"""`kexp reproduce` and `kexp report`, as a referee would type them."""

import json
import shutil

import pytest
from jsonschema import Draft202012Validator

from kexp.record.manifest_schema import manifest_schema
from kexp.record.notes import read_notes
from kexp.record.rundir import RunDir

pytestmark = pytest.mark.xdist_group("cli")


def test_the_manifest_of_a_real_run_is_as_its_schema_says(trained):
    faults = Draft202012Validator(manifest_schema()).iter_errors(json.loads(trained.manifest.read_text()))

    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_a_run_is_trained_again_bit_for_bit(kexp, trained, tmp_path):
    done = kexp("reproduce", trained.path, "--run-dir", "again", "--json")
    told = json.loads(done.stdout)
    again = RunDir(tmp_path / "again")

    assert (done.returncode, told["schema"], told["run"], told["again"]) == (0, 1, trained.id, "again")
    assert (told["bit_identical"], told["reached"], told["kept"]) == (True, "R1", True)
    assert (told["first_difference"], told["seeds"], told["intervals"]) == (None, [], {})
    assert told["metrics"] == {
        name: {"then": value, "now": value, "moved": 0.0}
        for name, value in json.loads(trained.status.read_text())["metrics"].items()
    }
    assert json.loads(again.manifest.read_text())["reproduces"] == trained.id
    assert read_notes(again).notes == (
        f"reproduces {trained.id}: bit-identical: weights, 2 epochs of history and 6 metrics",
    )
    assert (again.origin(), "epoch 2/2" in done.stderr) == ("own", True)
    once_more = kexp("reproduce", trained.path, "--run-dir", "again")
    assert (once_more.returncode, once_more.stdout.splitlines()[:2], once_more.stderr) == (
        0,
        [f"run      {trained.id}", "again    again"],
        "note: `again` is completed\n",
    )


def test_a_run_whose_settings_changed_midway_says_so_before_it_is_trained_again(kexp, trained, tmp_path):
    run = shutil.copytree(trained.path, tmp_path / "changed")
    rate = "train.optimizer.Adam.learning_rate=0.01"
    assert kexp("resume", run, "--epochs", "3", "-s", rate, "--accept", "-q").returncode == 0
    step = json.loads((run / "manifest.json").read_text())["changed"][0]["step"]

    done = kexp("reproduce", run, "--json")

    assert (done.returncode, json.loads(done.stdout)["kept"]) == (0, None)
    assert done.stderr.splitlines()[0] == (
        f"note: settings of `changed` changed after step {step:,}: "
        "it is trained again with the last ones from the start, and comes out otherwise"
    )


def test_a_result_that_no_seed_leads_to_breaks_the_promise(kexp, trained, tmp_path):
    lucky = RunDir(tmp_path / "lucky")
    shutil.copytree(trained.path, lucky.path)
    status = json.loads(lucky.status.read_text())
    metrics = {**status["metrics"], "test_loss": 30.0}
    lucky.status.write_text(json.dumps({**status, "metrics": metrics, "weights_sha256": "0" * 64}))
    done = kexp("reproduce", "lucky", "--seeds", "2", "--json", "-q")
    told = json.loads(done.stdout)

    assert (done.returncode, told["kept"], told["intervals"]["test_loss"]["inside"]) == (3, False, False)
    assert len({seed["seed"] for seed in told["seeds"]} | {42}) == 3
    fault = "result-differs" if told["drift"] else "bits-differ"
    assert (told["claims"], done.stderr.partition(":")[0]) == ("R2", f"error[{fault}]")


def test_only_a_training_that_ended_well_is_trained_again(kexp, trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "stopped")
    status = tmp_path / "stopped" / "status.json"
    status.write_text(status.read_text().replace('"completed"', '"stopped"'))
    done = kexp("reproduce", "stopped")

    assert (done.returncode, done.stdout, done.stderr) == (
        8,
        "",
        "error[nothing-to-reproduce]: `stopped` is stopped; expected a completed training\n"
        "help: `kexp resume stopped` goes on with it\n",
    )


def test_the_run_of_a_stranger_is_trained_again_only_when_trusted(kexp, trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "foreign")
    (tmp_path / "foreign" / "SHA256SUMS.mac").unlink()
    done = kexp("reproduce", "foreign")

    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith("error[not-your-run]: `foreign` is not known to be yours")


# ---------------------------------------------------------------- kexp report


def test_a_checklist_is_filled_in(kexp, trained, tmp_path):
    text = kexp("report", trained.path, "--checklist", "--runs", trained.path.parent).stdout
    written = kexp("report", trained.path, "--checklist", "-o", "list.md")
    refused = kexp("report", trained.path, "--checklist", "-o", "list.md")

    assert text.startswith(f"# Reproducibility checklist of `{trained.id}`\n")
    assert "| `train.epochs` | `2` | command line |\n" in text
    assert "| `train.batch_size` | `32` | spec |\n" in text
    assert "| `train.shuffle` | `true` | default |\n" in text
    assert (written.stdout, written.stderr) == ("", "wrote list.md\n")
    assert (tmp_path / "list.md").read_text().startswith("# Reproducibility checklist")
    assert (refused.returncode, refused.stderr.partition(":")[0]) == (2, "error[file-exists]")


def test_a_report_says_what_it_can_be(kexp):
    done = kexp("report", "latest")

    assert done.returncode == 2
    assert "say what to report: --checklist" in done.stderr
