import subprocess
import sys

import pytest

pytestmark = pytest.mark.xdist_group("cli")

WITHOUT_KERAS = """
import runpy, sys
sys.argv = ["kexp", "show", {spec!r}, "--graph", {form!r}]
try:
    runpy.run_module("kexp", run_name="__main__")
except SystemExit as end:
    code = end.code
print("\\n", [code or 0, sorted({{"keras", "numpy", "tensorflow"}} & set(sys.modules))])
"""


def test_a_spec_is_drawn_as_text(kexp, trained):
    assert kexp("show", trained.spec, "--graph", "text").stdout == (
        "digits-mlp\n  Rescaling  0.0625\n  Dense      64, relu\n  Dropout    0.2\n  Dense      10, softmax\n"
    )


def test_a_run_is_drawn_like_its_spec(kexp, trained):
    drawn = kexp("show", trained.path, "--graph", "mermaid").stdout

    assert drawn.startswith("flowchart TD\n")
    assert '    model_2["Dense<br/>64, relu' in drawn


def test_a_drawing_goes_to_a_file(kexp, trained, tmp_path):
    done = kexp("show", trained.spec, "--graph", "svg", "-o", "graph.svg")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "graph.svg").read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert kexp("show", trained.spec, "--graph", "svg", "-o", "no/graph.svg").stderr == (
        "error[not-writable]: `no/graph.svg` cannot be written: No such file or directory\n"
    )


def test_a_file_is_for_drawings_alone(kexp, trained):
    done = kexp("show", trained.spec, "-o", "graph.svg")

    assert done.returncode == 2
    assert "-o is for --graph" in done.stderr


@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_drawing_imports_neither_keras_nor_numpy(trained, form):
    code = WITHOUT_KERAS.format(spec=str(trained.spec), form=form)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1].strip() == "[0, []]", done.stderr
