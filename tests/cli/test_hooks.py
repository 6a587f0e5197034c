"""The pre-commit hook and the workflow for GitHub do what they say, with commands that exist."""

import os
import re
import subprocess
from pathlib import Path

import yaml

from kexp.cli.commands import app_for

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
WORKFLOW = yaml.safe_load((ROOT / "configs" / "github-actions.yml").read_text())
STEPS = {step.get("name"): step.get("run") for step in WORKFLOW["jobs"]["experiments"]["steps"]}
KEXP = """\
#!/bin/sh
echo "$@" >> called.txt
test "$2" != configs/bad.yaml
"""


def test_the_hook_validates_specs_and_nothing_else():
    hook = HOOKS[0]

    assert (hook["id"], hook["entry"]) == ("kexp-validate", "kexp validate")
    specs = ["configs/a.yaml", "study/experiments/deep/b.yml"]
    others = ["mkdocs.yaml", "configs/data.json", "my-configs/a.yaml"]
    assert [path for path in specs + others if re.search(hook["files"], path)] == specs
    assert "validate" in {command.callback.__name__ for command in app_for().registered_commands}


def test_the_workflow_validates_all_specs_and_runs_each(tmp_path):
    (tmp_path / "configs").mkdir()
    for name in ("a", "bad", "c"):
        (tmp_path / "configs" / f"{name}.yaml").touch()
    (tmp_path / "kexp").write_text(KEXP)
    (tmp_path / "kexp").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = [
        subprocess.run(
            ["bash", "-e", "-c", STEPS[name]],
            cwd=tmp_path,
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("Validate", "Smoke-run")
    ]

    assert [step.returncode for step in done] == [0, 1]
    assert "::error file=configs/bad.yaml::the smoke run failed\n" in done[1].stdout
    assert (tmp_path / "called.txt").read_text().splitlines() == [
        "validate configs --format github",
        *(f"train configs/{name}.yaml --smoke" for name in ("a", "bad", "c")),
    ]
