"""What a command imports before it answers, and how it ends."""

import subprocess
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from kexp.cli.plain import PlainCommand, PlainGroup
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status

pytestmark = pytest.mark.xdist_group("cli")

CONFIG = Path(__file__).parents[2] / "configs" / "digits-mlp.yaml"
NEVER = {"keras", "numpy", "pydantic", "rich"}

IMPORTED = """
import runpy, sys
sys.argv = ["kexp", *{arguments!r}]
try:
    runpy.run_module("kexp", run_name="__main__")
except SystemExit as end:
    code = end.code
print()
print(code or 0, sorted({unused!r} & {{*sys.modules}}))
"""


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], {"yaml.composer"}),
        (["ls"], {"yaml", "kexp.spec", "kexp.document", "kexp.cli.train"}),
        (["show", "latest"], {"yaml", "kexp.spec", "kexp.document", "kexp.cli.train"}),
        (["validate", str(CONFIG)], {"kexp.record.rundir", "kexp.custom", "kexp.cli.train"}),
    ],
)
def test_a_command_imports_what_it_uses(tmp_path, arguments, unused):
    run = RunDir.create(tmp_path / "runs", "made", datetime(2026, 11, 23, tzinfo=UTC))
    write_status(run, Status("completed", "made"))
    code = IMPORTED.format(arguments=arguments, unused=NEVER | unused)

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


# ---------------------------------------------------------------- arguments


class Form(StrEnum):
    text = "text"
    json = "json"


def shouted(text: str) -> str:
    return text.upper()


def answers(arguments, command, group):
    """Return what a command is called with, or why it is not."""
    called = []
    app = typer.Typer(cls=group)

    @app.callback()
    def top() -> None:
        pass

    @app.command("do", cls=command)
    def do(
        names: list[str],
        title: Annotated[str, typer.Option(callback=shouted)] = "mr",
        tag: Annotated[list[str] | None, typer.Option()] = None,
        form: Form = Form.text,
        drawn: Annotated[Form | None, typer.Option()] = None,
        count: Annotated[int | None, typer.Option(min=1)] = None,
        path: Annotated[Path | None, typer.Option()] = None,
        loud: bool = False,
    ) -> None:
        called.append((names, title, tag, form, drawn, count, path, loud))

    try:
        app(["do", *arguments], standalone_mode=False)
    except Exception as error:
        return type(error).__name__, str(error)
    return called


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a"],
        ["a", "b", "--tag", "x", "--tag", "y"],
        ["a", "--title", "ms", "--loud"],
        ["a", "--form", "json", "--drawn", "text"],
        ["a", "--form", "other"],
        ["a", "--count", "3", "--path", "."],
        ["a", "--count", "0"],
        ["a", "--count", "many"],
    ],
)
def test_arguments_are_what_typer_makes_of_them(arguments):
    ours = answers(arguments, PlainCommand, PlainGroup)

    assert ours == answers(arguments, TyperCommand, TyperGroup)


def test_arguments_that_were_not_given_have_their_defaults():
    assert answers(["a"], PlainCommand, PlainGroup) == [
        (["a"], "MR", None, Form.text, None, None, None, False)
    ]


# ---------------------------------------------------------------- the end


LEAVING = """
import atexit, sys, threading, time
from kexp.cli.app import _leave

class Held:
    def __del__(self):
        print("taken down")

held = Held()
atexit.register(print, "called at exit")
threading.Thread(target=lambda: (time.sleep(0.2), print("waited for"))).start()
sys.stdout.write("said\\n")
_leave(3)
"""


def test_the_end_waits_and_calls_as_pythons_own_does():
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (3, "said\nwaited for\ncalled at exit\n", "")


def test_two_steps_are_not_profiled(kexp):
    done = kexp("train", str(CONFIG), "--smoke", "--profile")

    assert done.returncode == 2
    assert "two steps of --smoke tell nothing of the time" in done.stderr
