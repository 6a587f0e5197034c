import json
import re

import pytest

pytestmark = pytest.mark.xdist_group("cli")

# ---------------------------------------------------------------- ls and show


def test_runs_are_listed(kexp, trained):
    runs = trained.path.parent
    status = json.loads(trained.status.read_text())
    listed = json.loads(kexp("ls", "--json", "--runs", runs).stdout)

    (run,) = listed["runs"]
    assert listed["schema"] == 1
    assert run == {
        "run": trained.id,
        "name": "digits-mlp",
        "state": "completed",
        "tags": ["first"],
        "metrics": status["metrics"],
        "created": re.sub(r"\.\d+Z", "Z", status["created"]),
    }
    for option in (["--status", "failed"], ["--tag", "second"]):
        done = kexp("ls", "--runs", runs, *option)
        assert (done.stdout, done.stderr) == ("", f"no such runs in {runs}\n")
    done = kexp("ls", "--runs", runs, "--status", "done")
    assert (done.returncode, done.stdout) == (2, "")
    assert "`done` is no state; the states are created, running, completed, failed," in " ".join(
        done.stderr.split()
    )
    table = kexp("ls", "--runs", runs).stdout.splitlines()
    assert [line.split()[:3] for line in table] == [
        ["RUN", "STATE", "EPOCHS"],
        [trained.id, "completed", "2"],
    ]
    assert table[1].endswith("first")


def test_a_run_is_shown(kexp, trained):
    shown = kexp("show", trained.path).stdout

    labels = [line.split()[0] for line in shown.splitlines()]
    assert labels[:6] == ["run", "state", "tags", "created", "epochs", "samples"]
    assert {"test_accuracy", "best", "model", "ran", "seed", "spec", "promise", "path"} <= set(labels)
    assert "samples        1,257 train, 270 val, 270 test\n" in shown


def test_parts_of_a_run_are_shown(kexp, trained):
    assert kexp("show", trained.path, "--resolved").stdout == trained.resolved.read_text()
    assert kexp("show", trained.path, "--metrics").stdout == trained.metrics_csv.read_text()
    assert json.loads(kexp("show", trained.path, "--env").stdout) == json.loads(trained.manifest.read_text())
    shown = json.loads(kexp("show", trained.path, "--json").stdout)
    assert (shown["schema"], shown["run"], shown["state"], len(shown["history"])) == (
        1,
        trained.id,
        "completed",
        2,
    )


def test_a_run_that_was_cut_off_early_is_shown_as_far_as_it_goes(kexp, tmp_path):
    run = tmp_path / "runs" / "20261123-091455-cut-k3f7"
    run.mkdir(parents=True)
    (run / "spec.yaml").write_text("kexp: 1\n")

    assert kexp("show", "k3f7").returncode == 0
    assert (kexp("show", "k3f7", "--resolved").stdout, kexp("show", "k3f7", "--metrics").stdout) == (
        "\n",
        "\n",
    )


def test_a_spec_is_shown_with_its_defaults(kexp, trained):
    plain = kexp("show", trained.spec).stdout
    full = kexp("show", trained.spec, "--resolved").stdout

    assert "- Dense: {units: 64, activation: relu}\n" in plain
    assert "use_bias: true" in full


# ---------------------------------------------------------------- what is not there


def test_a_run_that_is_not_there_is_not_found(kexp):
    done = kexp("evaluate", "nope")

    assert (done.returncode, done.stdout, done.stderr) == (
        4,
        "",
        "error[run-not-found]: there are no runs in `runs`\nhelp: start one with `kexp train SPEC`\n",
    )


def test_an_ambiguous_run_is_refused_with_the_candidates(kexp, tmp_path):
    for name in ("20261123-091455-a-k3f7", "20261123-091455-b-k3f8"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "spec.yaml").write_text("kexp: 1\n")
    done = kexp("show", "20261123")

    assert done.returncode == 4
    assert done.stderr.startswith("error[run-ambiguous]: ")
    assert "20261123-091455-a-k3f7" in done.stderr


def test_a_spec_that_is_not_there_is_not_found(kexp):
    done = kexp("train", "spek.yaml")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error[")


def test_a_wrong_spec_is_refused_at_its_place(kexp, tmp_path):
    (tmp_path / "spec.yaml").write_text(
        "kexp: 1\n"
        "data: {source: sklearn, dataset: digits}\n"
        "model: {layers: [{Dense: {unit: 10}}]}\n"
        "train: {optimizer: adam, loss: mse}\n"
    )
    done = kexp("train", "spec.yaml")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "error[unknown-argument]: `Dense` has no argument `unit`\n"
        " --> spec.yaml:3:27  (model.layers[0].Dense.unit)\n"
        "  |\n"
        "3 | model: {layers: [{Dense: {unit: 10}}]}\n"
        "  |                           ^^^^\n"
        "help: did you mean `units`?\n",
    )


def test_no_data_is_for_smoke(kexp):
    done = kexp("train", "spec.yaml", "--no-data")

    assert done.returncode == 2
    assert "--no-data is for --smoke" in done.stderr
