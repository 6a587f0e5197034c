"""`kexp init` and `kexp schema`: something to start from, and help for editors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kexp.cli.schema import schema_text

pytestmark = pytest.mark.xdist_group("cli")
GOLDEN = Path(__file__).parents[1] / "golden" / "help"
TEMPLATES = Path(__file__).parents[2] / "kexp" / "cli" / "templates"


def test_a_template_is_written_with_the_schema_beside_it(kexp, tmp_path):
    done = kexp("init", "images", "-o", "mine.yaml")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "mine.yaml, and kexp.schema.json for editors\nnext     kexp validate mine.yaml\n"
    template = (TEMPLATES / "images.yaml").read_text()
    assert (tmp_path / "mine.yaml").read_text() == (
        "# yaml-language-server: $schema=kexp.schema.json\n" + template.replace("images.yaml", "mine.yaml")
    )
    assert (tmp_path / "kexp.schema.json").read_text() == schema_text()


def test_off_a_terminal_the_template_goes_to_stdout(kexp, tmp_path):
    done = kexp("init")

    assert done.returncode == 0
    assert done.stdout == (TEMPLATES / "classification.yaml").read_text().replace(
        "classification.yaml", "SPEC"
    )
    assert done.stderr == "next     kexp validate SPEC\n"
    assert kexp("init", "classification", "-o", "-").stdout == done.stdout
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_overwritten_without_force(kexp, tmp_path):
    (tmp_path / "mine.yaml").write_text("mine")

    done = kexp("init", "-o", "mine.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error[file-exists]: `mine.yaml` exists\nhelp: `--force` replaces it\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]

    assert kexp("init", "-o", "mine.yaml", "--force").returncode == 0
    assert "kexp: 1" in (tmp_path / "mine.yaml").read_text()


def test_a_schema_is_replaced_and_any_other_file_is_not(kexp, tmp_path):
    schema = tmp_path / "kexp.schema.json"
    schema.write_text("{}")
    done = kexp("schema", "-o", "kexp.schema.json")
    assert (done.returncode, done.stderr) == (
        2,
        "error[file-exists]: `kexp.schema.json` exists\nhelp: `--force` replaces it\n",
    )

    schema.write_text(schema_text()[:500])
    done = kexp("schema", "-o", "kexp.schema.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert schema.read_text() == schema_text()


def test_the_schema_goes_to_stdout(kexp):
    done = kexp("schema")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_a_template_that_does_not_exist_is_wrong_usage(kexp):
    done = kexp("init", "image")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error[unknown-template]: there is no template `image`\nhelp: did you mean `images`?\n"
    )


def test_the_templates_are_listed(kexp):
    done = kexp("init", "--list")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted(
        path.stem for path in TEMPLATES.glob("*.yaml")
    )


@pytest.mark.parametrize("command", ["init", "schema"])
def test_their_help_says_this(kexp, golden, command):
    golden(kexp(command, "--help").stdout, GOLDEN / f"{command}.txt")


def test_the_schema_is_made_without_keras():
    code = (
        "import sys; from kexp.cli.schema import schema_text; schema_text();"
        "print({'keras', 'numpy', 'tensorflow'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
