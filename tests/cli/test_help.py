import re
import subprocess
import sys
from pathlib import Path

import pytest

from kexp import __version__
from kexp.cli.commands import app_for

pytestmark = pytest.mark.xdist_group("cli")

GOLDEN = Path(__file__).parents[1] / "golden" / "help"


@pytest.mark.parametrize(
    "command",
    [
        *("kexp", "train", "resume", "evaluate", "predict", "reproduce", "ls", "show", "diff", "report"),
        *("validate", "schema", "build", "import"),
    ],
)
def test_help_says_this(kexp, golden, command):
    done = kexp(*([] if command == "kexp" else [command]), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    golden(done.stdout, GOLDEN / f"{command}.txt")


def test_every_command_that_is_spoken_of_exists():
    sources = (Path(__file__).parents[2] / "kexp").rglob("*.py")
    spoken = {name for path in sources for name in re.findall(r"`kexp ([a-z]+)", path.read_text())}
    known = {command.name or command.callback.__name__ for command in app_for().registered_commands}

    assert "evaluate" in spoken
    assert spoken - known == set()


def test_the_version_is_told(kexp):
    assert kexp("--version").stdout == f"kexp {__version__}\n"


def test_an_option_that_does_not_exist_is_wrong_usage(kexp):
    done = kexp("train", "--sede", "3", "spec.yaml")

    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --sede" in done.stderr


WITHOUT_KERAS = """
import runpy, sys
sys.argv = ["kexp", *{arguments!r}]
try:
    runpy.run_module("kexp", run_name="__main__")
except SystemExit as end:
    code = end.code
heavy = {{"keras", "numpy", "tensorflow", "sklearn", "pandas", "safetensors"}} & set(sys.modules)
print("\\n", [code or 0, sorted(heavy)])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "--help"],
        ["ls"],
        ["ls", "--json"],
        ["show", "latest"],
        ["show", "SPEC"],
        ["diff", "latest", "latest"],
        ["report", "latest", "--checklist"],
        ["schema", "--manifest"],
        ["validate", "SPEC"],
    ],
)
def test_commands_that_look_import_neither_keras_nor_numpy(trained, arguments):
    from_here = {"SPEC": str(trained.resolved)}
    code = WITHOUT_KERAS.format(arguments=[from_here.get(a, a) for a in arguments])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=trained.path.parents[1], check=False
    )

    assert done.stdout.splitlines()[-1].strip() == "[0, []]", done.stderr
