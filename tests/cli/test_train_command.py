import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import Screen, environment

from kexp.record.history import read_rows
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

pytestmark = pytest.mark.xdist_group("cli")

CONFIGS = Path(__file__).parents[2] / "configs"
MLP, CNN = CONFIGS / "digits-mlp.yaml", CONFIGS / "digits-cnn.yaml"


def masked(text: str) -> str:
    """Replace what differs from machine to machine and run to run."""
    for pattern, mask in (
        (r"\d{8}-\d{6}-([a-z-]+)-[a-z0-9]{4}", r"RUN-\1"),
        (r"(kexp \w+) [a-z0-9]{4}\b(?!\S)", r"\1 TAIL"),
        (r"\d+\.\d s\b", "N s"),
        (r"\d+\.\d{4}", "N"),
        (r"tensorflow [\d.]+, \S+, \d+ threads", "tensorflow V, DEVICE, T threads"),
        (r"(kept\s+)\S+/runs", r"\1RUNS"),
        (r"  \(best\)", ""),
    ):
        text = re.sub(pattern, mask, text)
    return text


def colourless(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def without_seconds(run: RunDir):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_rows(run)]


# ---------------------------------------------------------------- off a terminal


def test_off_a_terminal_stdout_is_the_path_and_stderr_one_line_per_epoch(training, trained):
    assert training.stdout == f"{trained.path}\n"
    assert trained.is_run
    assert masked(training.stderr) == (
        "digits-mlp  RUN-digits-mlp\n"
        "data     sklearn: 1,257 train, 270 val, 270 test\n"
        "input    features (64) float32\n"
        "output   dense_1 (10) float32\n"
        "model    4,810 parameters\n"
        "train    2 epochs of 40 steps, batch size 32\n"
        "run on   tensorflow V, DEVICE, T threads, float32, seed 42\n"
        "note     engine: resident, segments of 0.25 s; 388 KiB of data are kept on the device\n"
        "\n"
        "epoch 1/2  loss N  accuracy N  val_loss N  val_accuracy N  N s\n"
        "epoch 2/2  loss N  accuracy N  val_loss N  val_accuracy N  N s\n"
        "\n"
        "test     loss N  accuracy N\n"
        "best     epoch 2, val_loss N\n"
        "took     N s\n"
        "kept     RUNS/RUN-digits-mlp\n"
        "next     kexp evaluate TAIL\n"
        "         kexp show TAIL\n"
        "         kexp predict TAIL ROWS.npz\n"
        "         kexp ls\n"
    )


def test_the_log_holds_what_was_shown_and_every_file_has_its_hash(training, trained):
    assert trained.train_log.read_text() == training.stderr
    assert "oneDNN" in trained.backend_log.read_text() or trained.backend_log.read_text() == ""
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],
        cwd=trained.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    listed = [line.split("  ")[1] for line in trained.sums.read_text().splitlines()]
    found = {p.relative_to(trained.path).as_posix() for p in trained.path.rglob("*") if p.is_file()}
    assert found - set(listed) == {"lock", "SHA256SUMS", "SHA256SUMS.mac"}
    assert len(listed) == len(set(listed))


def assert_log_is_vouched_for(run: RunDir) -> None:
    assert run.verify("train.log")
    assert run.verify("backend.log")


def test_the_log_of_a_failed_run_ends_with_why(kexp, tmp_path):
    done = kexp("train", MLP, "-s", "train.optimizer={SGD: 1e30}", "-s", "train.epochs=3", FORCE_COLOR="1")

    assert done.returncode == 1
    run = RunDir(list_runs(tmp_path / "runs")[0].path)
    assert "error[non-finite-loss]: " in run.train_log.read_text()
    assert run.train_log.read_text() == colourless(done.stderr)
    assert_log_is_vouched_for(run)


TALKATIVE = """\
import keras
from sklearn.datasets import load_digits

def load():
    print("reading")
    return load_digits(return_X_y=True)

class Talker(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("a line", end="")
        print(" of mine\\n[1m and another")

def wait():
    import time
    print("waiting")
    time.sleep(60)
"""


def write_talkative(folder: Path, function: str) -> None:
    (folder / "own.py").write_text(TALKATIVE)
    (folder / "own.yaml").write_text(
        f"kexp: 1\ndata: {{source: 'own.py:{function}'}}\n"
        "model: {layers: [{Dense: {units: 10, activation: softmax}}]}\n"
        "train: {optimizer: adam, loss: sparse_categorical_crossentropy, epochs: 2,"
        " callbacks: ['own.py:Talker']}\n"
    )


def test_what_the_users_code_prints_is_shown_and_logged(kexp, tmp_path):
    write_talkative(tmp_path, "load")
    done = kexp("train", "own.yaml")

    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "reading"
    assert [line for line in lines if line.startswith(("a line", "[1m"))] == [
        "a line of mine",
        "[1m and another",
    ] * 2
    run = RunDir(tmp_path / done.stdout.strip())
    assert run.train_log.read_text() == done.stderr
    assert_log_is_vouched_for(run)


def test_quiet_leaves_out_what_the_users_code_prints(kexp, tmp_path):
    write_talkative(tmp_path, "load")
    done = kexp("train", "own.yaml", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


def test_on_a_terminal_what_the_users_code_prints_stands_above_the_bar(tmp_path):
    write_talkative(tmp_path, "load")
    code, written = on_a_terminal(["train", "own.yaml"], tmp_path)

    assert code == 0
    lines = Screen(colourless(written)).shown().splitlines()
    assert [lines.count(line) for line in ("reading", "a line of mine", "[1m and another")] == [1, 2, 2]


def test_a_spec_is_kept_to_the_byte(kexp, tmp_path):
    data = b"\xef\xbb\xbf" + MLP.read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / "spec.yaml").write_bytes(data)
    done = kexp("train", "spec.yaml", "-s", "train.epochs=1", "--quiet")

    assert RunDir(tmp_path / done.stdout.strip()).spec.read_bytes() == data


def test_json_is_the_contract_and_the_same_spec_gives_the_same_bits(kexp, trained, tmp_path):
    done = kexp("train", trained.spec, "-s", "train.epochs=2", "--json", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert list(told) == [
        *("schema", "run", "path", "state", "epochs", "metrics"),
        *("best", "weights_sha256", "wall_seconds"),
    ]
    status = read_status(trained)
    assert (told["schema"], told["state"], told["epochs"]) == (1, "completed", 2)
    assert (told["metrics"], told["best"]) == (status.metrics, status.best)
    assert told["weights_sha256"] == status.weights_sha256
    assert told["path"] == str(tmp_path / "runs" / told["run"])
    assert without_seconds(RunDir(Path(told["path"]))) == without_seconds(trained)


def test_a_network_with_batch_normalisation_gives_the_same_bits_in_two_processes(kexp, tmp_path):
    for _ in range(2):
        done = kexp("train", CNN, "-s", "train.epochs=1", "--quiet", FORCE_COLOR="1")
        assert (done.returncode, done.stderr) == (0, "")

    first, second = (RunDir(run.path) for run in list_runs(tmp_path / "runs"))
    assert read_status(first).weights_sha256 == read_status(second).weights_sha256
    assert without_seconds(first) == without_seconds(second)


def test_a_spec_from_stdin_is_overridden_and_its_promises_are_checked(kexp, tmp_path):
    done = kexp(
        *("train", "-", "--seed", "7", "--name", "Täglich neu", "--tag", "a", "--tag", "b", "--check"),
        *("-s", "train.epochs=1", "--set", "train.optimizer={SGD: 0.0}"),
        stdin=MLP.read_bytes(),
        FORCE_COLOR="1",
    )

    assert done.returncode == 3
    run = RunDir(tmp_path / done.stdout.strip())
    status = read_status(run)
    accuracy = status.metrics["test_accuracy"]
    assert colourless(done.stderr).endswith(
        f"error[promise-broken]: `test_accuracy` was promised >= 0.93, and is {accuracy:.6g}\n"
        "  --> <stdin>:20:25  (expect.test_accuracy)\n"
        "   |\n"
        '20 | expect: {test_accuracy: ">= 0.93"}\n'
        "   |                         ^^^^^^^^^\n"
    )
    assert "\x1b[?25" not in done.stderr
    assert re.fullmatch(r"\d{8}-\d{6}-taglich-neu-[a-z0-9]{4}", run.id)
    assert (status.name, status.epoch) == ("Täglich neu", 1)
    resolved = run.resolved.read_text()
    assert "\nseed: 7\n" in resolved
    assert "optimizer: {SGD: {learning_rate: 0.0" in resolved
    assert run.spec.read_bytes() == MLP.read_bytes()
    assert list_runs(tmp_path / "runs")[0].tags == ("a", "b")


def test_a_smoke_run_says_that_it_passed_and_leaves_nothing(kexp, tmp_path):
    done = kexp("train", CONFIGS / "wine-two-outputs.yaml", "--smoke", "--no-data")

    assert (done.returncode, done.stdout) == (0, "")
    assert masked(done.stderr).endswith("\nsmoke    passed in N s: trained, saved, loaded again, equal\n")
    assert [*tmp_path.iterdir()] == []


# ---------------------------------------------------------------- what is refused


def test_a_device_that_is_not_there_is_refused_at_its_key(kexp, tmp_path):
    text = MLP.read_text().replace("seed: 42\n", "seed: 42\nruntime: {device: 'gpu:9'}\n")
    (tmp_path / "spec.yaml").write_text(text)
    done = kexp("train", "spec.yaml")

    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.startswith("error[device-missing]: there is no device `gpu:9`: ")
    assert " --> spec.yaml:7:19  (runtime.device)\n" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_runs_that_cannot_be_made_are_refused(kexp, tmp_path):
    (tmp_path / "file").write_text("")
    done = kexp("train", MLP, "--runs", "file/runs")

    assert (done.returncode, done.stdout, done.stderr) == (
        8,
        "",
        "error[runs-not-writable]: no run can be made in `file/runs`: Not a directory\n"
        "help: name another folder with `--runs DIR` or `KEXP_RUNS`\n",
    )


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("number", "name", "code"), [(signal.SIGINT, "SIGINT", 130), (signal.SIGTERM, "SIGTERM", 143)]
)
def test_a_signal_ends_the_training_and_what_was_done_is_kept(kexp, tmp_path, number, name, code):
    process = subprocess.Popen(
        [sys.executable, "-m", "kexp", "train", str(MLP), "-s", "train.epochs=100000"],
        cwd=tmp_path,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not [*tmp_path.glob("runs/*/metrics.csv")] and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (code, "")
    (path,) = (tmp_path / "runs").iterdir()
    run, status = RunDir(path), read_status(RunDir(path))
    assert run.train_log.read_text() == err
    assert_log_is_vouched_for(run)
    assert (status.state, status.error) == ("stopped", f"stopped by {name}")
    assert err.endswith(
        f"error[stopped]: stopped by {name} after step {status.step}, {status.epoch} of 100000 epochs done; "
        f"it is kept in runs/{run.id}\n"
        f"help: `kexp resume {run.id}` goes on\n"
    )
    if number == signal.SIGTERM:
        done = kexp("evaluate", run.id, "--checkpoint", "last", "--json")
        assert json.loads(done.stdout)["metrics"]["accuracy"] > 0.1


def test_a_stop_before_the_run_says_that_there_is_none(tmp_path):
    write_talkative(tmp_path, "wait")
    process = subprocess.Popen(
        [sys.executable, "-m", "kexp", "train", "own.yaml"],
        cwd=tmp_path,
        env=environment({"TMPDIR": str(tmp_path)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (130, "", "stopped; no run was made\n")
    assert [*tmp_path.glob("runs"), *tmp_path.glob("kexp-*")] == []


# ---------------------------------------------------------------- bugs

BUG = """
import os, sys
import kexp.train.backend

def prepare(runtime, seed):
    os.write(2, b"last words\\n")
    {end}

kexp.train.backend.prepare = prepare
sys.argv = ["kexp", "train", {spec!r}, "--tag", "api_key=hunter2"]
from kexp.cli.app import main
main()
"""


def broken(tmp_path, end):
    return subprocess.run(
        [sys.executable, "-c", BUG.format(end=end, spec=str(MLP))],
        cwd=tmp_path,
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bug_says_where_its_log_and_the_backends_last_words_are(tmp_path):
    done = broken(tmp_path, "raise ZeroDivisionError('of all things')")

    (log,), (noise,) = tmp_path.glob("kexp-bug-*.log"), tmp_path.glob("kexp-backend-*.log")
    assert (done.returncode, done.stdout, done.stderr) == (
        70,
        "",
        "bug: ZeroDivisionError: of all things\n"
        f"this is a fault of kexp; please report it with {log}\n"
        f"what the backend wrote is in {noise}\n",
    )
    assert noise.read_text() == "last words\n"
    assert log.read_text().splitlines()[1] == f"kexp train {MLP} --tag api_key=<redacted>"


def test_the_last_words_of_a_process_that_aborts_are_kept(tmp_path):
    done = broken(tmp_path, "os.abort()")

    (noise,) = tmp_path.glob("kexp-*")
    assert (done.returncode, done.stderr) == (-signal.SIGABRT, "")
    assert noise.read_text() == "last words\n"


# ---------------------------------------------------------------- on a terminal


def on_a_terminal(arguments, cwd, **env):
    """Run the command on a pseudo-terminal of 100 columns; return its exit code and what it wrote."""
    main, side = pty.openpty()
    os.set_blocking(main, True)
    process = subprocess.Popen(
        [sys.executable, "-m", "kexp", *arguments],
        cwd=cwd,
        env=environment({"TERM": "xterm-256color", **env}),
        stdin=side,
        stdout=side,
        stderr=side,
        close_fds=True,
    )
    os.close(side)
    written = b""
    try:
        while data := os.read(main, 65536):
            written += data
    except OSError:
        pass  # Linux says so when the other side is closed
    os.close(main)
    return process.wait(timeout=60), written.decode()


def test_a_terminal_shows_a_bar_and_a_row_per_epoch_and_the_bar_is_wiped(tmp_path):
    code, written = on_a_terminal(["train", str(MLP), "-s", "train.epochs=3"], tmp_path)

    assert code == 0
    assert re.search(r"epoch \d/3 .*━.*step [\d,]+/\d+.* [\d,]+ samples/s.*left", colourless(written))
    shown = masked(Screen(written).shown()).splitlines()
    assert [" ".join(line.split()) for line in shown[9:14]] == [
        "epoch loss accuracy val_loss val_accuracy seconds",
        *(f"{epoch} N N N N {seconds} best" for epoch, seconds in zip("123", seconds_of(shown), strict=True)),
        "",
    ]
    assert "━" not in "\n".join(shown)
    assert shown[-1] == "         kexp ls"
    assert "E0000" not in written and "oneDNN" not in written


def seconds_of(shown):
    return [line.split()[-2] for line in shown[10:13]]


def test_no_color_leaves_the_colours_out(tmp_path):
    coloured = on_a_terminal(["show", "nope"], tmp_path)
    plain = on_a_terminal(["show", "nope"], tmp_path, NO_COLOR="1")
    dumb = on_a_terminal(["show", "nope"], tmp_path, TERM="dumb")

    head, help, more = "error[run-not-found]", "help", "`kexp explain run-not-found` says more"
    text = (
        f"{head}: there are no runs in `runs`\r\n{help}: start one with `kexp train SPEC`\r\n\r\n{more}\r\n"
    )
    marked = text.replace(head, f"\x1b[1;31m{head}\x1b[0m").replace(more, f"\x1b[2m{more}\x1b[0m")
    marked = marked.replace(f"{help}:", f"\x1b[1;36m{help}\x1b[0m:")
    assert coloured == (4, marked)
    assert (plain, dumb) == ((4, text), (4, text))
