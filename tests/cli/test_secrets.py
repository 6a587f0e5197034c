"""Secrets planted wherever a run looks, and looked for in every byte that it wrote."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import digits

from kexp.record.rundir import RunDir

pytestmark = pytest.mark.xdist_group("cli")

SECRET = "hunter2"
URL = f"https://me:{SECRET}@example.org/x?token={SECRET}"
SPY = f"""\
import keras

class Spy(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("asked https://me:{{}}@example.org/x".format("{SECRET[:3]}" + "{SECRET[3:]}"))
"""
PLANTED = {
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "HF_TOKEN": SECRET,
    "KERAS_MIRROR": URL,
    "MY_PLAIN_NAME": SECRET,
    "TF_API_TOKEN": SECRET,
    "TF_VAR_db": SECRET,
    "XLA_PROXY_PASSWORD": SECRET,
}


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file, and every member of an archive, with its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.name.encode() + path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist())


def test_no_secret_is_in_what_a_run_writes(kexp, tmp_path):
    for arguments in (["init", "-q"], ["remote", "add", "origin", URL]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    (tmp_path / "spy.py").write_text(SPY)
    (tmp_path / f"api_token={SECRET}.txt").write_text("")
    (tmp_path / "spec.yaml").write_text(digits(more="callbacks: [spy.py:Spy]"))
    done = kexp("train", "spec.yaml", "--run-dir", "run", "-s", "train.epochs=2", **PLANTED)
    files = dict(contents(tmp_path / "run"))

    assert done.returncode == 0, done.stderr
    assert {name for name, data in files.items() if SECRET.encode() in data} == set()
    log = files["train.log"].decode()
    assert log.count("asked https://example.org/x") == 2
    assert {"manifest.json", "metadata.json", "spy.py", "status.json"} <= set(files)


@pytest.mark.parametrize("value", [f"data.args.token={SECRET}", f"data.args={{url: '{URL}'}}"])
def test_a_secret_that_a_run_would_have_to_keep_is_refused(kexp, tmp_path, value):
    (tmp_path / "spec.yaml").write_text(digits().replace("source: sklearn", "source: mine.py:load"))
    done = kexp("train", "spec.yaml", "--run-dir", "run", "-s", value)

    assert (done.returncode, RunDir(tmp_path / "run").is_run) == (2, False)
    assert "error[secret-in-spec]: " in done.stderr
