import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fakes import environment

from kexp.custom import KeptCode, code_hashes, kept_code, load_object, user_traceback
from kexp.errors import SpecError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_an_object_is_loaded_from_a_file_beside_the_spec(tmp_path: Path) -> None:
    write(tmp_path / "code" / "blocks.py", "SIZE = 3\n")
    assert load_object("code/blocks.py:SIZE", tmp_path) == 3


def test_a_file_is_run_once_and_shared_by_all_that_name_it(tmp_path: Path) -> None:
    write(tmp_path / "once.py", "class Thing: pass\n")
    assert load_object("once.py:Thing", tmp_path) is load_object("../once.py:Thing", tmp_path / "elsewhere")


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    write(tmp_path / "a" / "same.py", "NAME = 'a'\n")
    write(tmp_path / "b" / "same.py", "NAME = 'b'\n")
    assert [load_object("same.py:NAME", tmp_path / folder) for folder in "ab"] == ["a", "b"]


def test_a_file_imports_its_siblings_and_leaves_the_import_path_alone(tmp_path: Path) -> None:
    write(tmp_path / "code" / "kexp_test_sibling.py", "VALUE = 7\n")
    write(tmp_path / "code" / "main.py", "from kexp_test_sibling import VALUE\n")
    before = list(sys.path)
    assert load_object("code/main.py:VALUE", tmp_path) == 7
    assert sys.path == before


def test_an_object_is_loaded_from_a_package_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "kexp_test_package" / "__init__.py", "")
    write(tmp_path / "kexp_test_package" / "parts.py", "VALUE = 'here'\n")
    assert load_object("kexp_test_package.parts:VALUE", tmp_path) == "here"


def test_an_object_is_loaded_from_an_installed_package(tmp_path: Path) -> None:
    assert load_object("json:loads", tmp_path) is json.loads


def refusal(reference: str, folder: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_object(reference, folder)
    return str(caught.value)


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path / "loaders.py", "")
    assert refusal("loader.py:load", tmp_path) == (
        f"error[custom-module-missing]: there is no file `{tmp_path}/loader.py`\n"
        "help: did you mean `loaders.py`?"
    )


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    assert refusal("kexp_test_absent.inner:load", tmp_path) == (
        "error[custom-module-missing]: there is no module `kexp_test_absent.inner`\n"
        f"help: modules are looked for in `{tmp_path}` and among the installed packages"
    )


def test_a_missing_name_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path / "loaders.py", "def load_all(): ...\n")
    assert refusal("loaders.py:load_al", tmp_path) == (
        "error[custom-name-missing]: `loaders.py` defines no `load_al`\nhelp: did you mean `load_all`?"
    )


def test_an_import_that_fails_shows_the_users_lines_alone(tmp_path: Path) -> None:
    write(tmp_path / "broken.py", "import json\n\nsize = json.loads('{')\n")
    assert refusal("broken.py:load", tmp_path) == (
        "error[custom-import-failed]: importing `broken.py` raised JSONDecodeError\n"
        '    File "broken.py", line 3, in <module>\n'
        "      size = json.loads('{')\n"
        "  json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes:"
        " line 1 column 2 (char 1)"
    )
    write(tmp_path / "broken.py", "VALUE = 1\n")
    assert load_object("broken.py:VALUE", tmp_path) == 1


def test_a_module_that_misses_another_is_broken_not_missing(tmp_path: Path) -> None:
    write(tmp_path / "kexp_test_needy.py", "import kexp_test_absent\n")
    assert refusal("kexp_test_needy:load", tmp_path) == (
        "error[custom-import-failed]: importing `kexp_test_needy` raised ModuleNotFoundError\n"
        '    File "kexp_test_needy.py", line 1, in <module>\n'
        "      import kexp_test_absent\n"
        "  ModuleNotFoundError: No module named 'kexp_test_absent'"
    )


def test_a_syntax_error_is_shown_at_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "typo.py", "x = 1\nx = = 2\n")
    assert refusal("typo.py:x", tmp_path) == (
        "error[custom-import-failed]: importing `typo.py` raised SyntaxError\n"
        f'    File "{path}", line 2\n'
        "      x = = 2\n"
        "          ^\n"
        "  SyntaxError: invalid syntax"
    )


def test_a_traceback_outside_the_users_code_is_only_its_message(tmp_path: Path) -> None:
    try:
        load_object("kexp_test_absent:x", tmp_path)
    except SpecError as error:
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
        shown = user_traceback(error, tmp_path)
    assert shown.splitlines()[0] == (
        "kexp.errors.SpecError: error[custom-module-missing]: there is no module `kexp_test_absent`"
    )


# ---------------------------------------------------------------- modules of one name in several folders


def test_a_sibling_is_taken_from_the_files_own_folder(tmp_path: Path) -> None:
    for folder in "ab":
        write(tmp_path / folder / "kexp_test_same.py", f"VALUE = '{folder}'\n")
        write(tmp_path / folder / "main.py", "from kexp_test_same import VALUE\n")
    assert [load_object("main.py:VALUE", tmp_path / folder) for folder in "abab"] == ["a", "b", "a", "b"]


def test_a_module_is_taken_from_the_specs_folder(tmp_path: Path) -> None:
    for folder in "ab":
        write(tmp_path / folder / "kexp_test_bundle" / "base.py", f"VALUE = '{folder}'\n")
        write(tmp_path / folder / "kexp_test_bundle" / "parts.py", "from .base import VALUE\n")
    found = [load_object("kexp_test_bundle.parts:VALUE", tmp_path / folder) for folder in "abab"]
    assert found == ["a", "b", "a", "b"]


def test_a_sibling_is_run_once_though_another_of_its_name_is_loaded_between(tmp_path: Path) -> None:
    for folder in "ab":
        write(tmp_path / folder / "kexp_test_classes.py", "class Base: pass\n")
        write(tmp_path / folder / "first.py", "from kexp_test_classes import Base\n")
        write(tmp_path / folder / "second.py", "from kexp_test_classes import Base\n")
    a, b = (load_object("first.py:Base", tmp_path / folder) for folder in "ab")
    assert [load_object("second.py:Base", tmp_path / folder) for folder in "ab"] == [a, b]


def test_a_sibling_goes_before_an_installed_module_which_is_loaded_again_afterwards(tmp_path: Path) -> None:
    write(tmp_path / "yaml.py", "VALUE = 'mine'\n")
    write(tmp_path / "main.py", "from yaml import VALUE\n")
    before = {name: module for name, module in sys.modules.items() if name.startswith("yaml")}
    assert load_object("main.py:VALUE", tmp_path) == "mine"
    assert {name: module for name, module in sys.modules.items() if name.startswith("yaml")} == before


def test_a_folder_without_python_goes_behind_an_installed_package(tmp_path: Path) -> None:
    write(tmp_path / "yaml" / "notes.txt", "")
    write(tmp_path / "main.py", "from yaml import safe_load\n")
    assert load_object("main.py:safe_load", tmp_path) is yaml.safe_load


def test_a_module_that_a_run_keeps_is_found_below_code(tmp_path: Path) -> None:
    write(tmp_path / "code" / "kexp_test_kept" / "parts.py", "VALUE = 'kept'\n")
    assert load_object("kexp_test_kept.parts:VALUE", tmp_path) == "kept"


# ---------------------------------------------------------------- what a run keeps


def kept_paths(folder: Path, *references: str) -> list[str]:
    return list(kept_code(references, folder).files)


def test_a_file_is_kept_with_what_it_imports_below_its_folder(tmp_path: Path) -> None:
    write(
        tmp_path / "blocks.py", "import json\nimport keras\nfrom settings import HIDDEN\nimport deep.er.est\n"
    )
    write(tmp_path / "settings.py", "def size():\n    import late\n\nHIDDEN = 3\n")
    for name in ("late.py", "unused.py", "deep/er/__init__.py", "deep/er/est.py", "deep/er/other.py"):
        write(tmp_path / name, "")
    assert kept_paths(tmp_path, "blocks.py:Mine") == [
        "blocks.py",
        "deep/er/__init__.py",
        "deep/er/est.py",
        "late.py",
        "settings.py",
    ]


def test_a_module_is_kept_with_its_packages_and_relative_imports(tmp_path: Path) -> None:
    write(tmp_path / "pkg" / "__init__.py", "from . import start\n")
    write(tmp_path / "pkg" / "start.py", "")
    write(tmp_path / "pkg" / "sizes.py", "")
    write(tmp_path / "pkg" / "nets" / "layers.py", "from ..sizes import N\nfrom .base import *\n")
    write(tmp_path / "pkg" / "nets" / "base.py", "import outer\n")
    write(tmp_path / "outer.py", "import pkg.nets.layers\n")
    assert kept_paths(tmp_path, "pkg.nets.layers:Mine") == [
        "outer.py",
        "pkg/__init__.py",
        "pkg/nets/base.py",
        "pkg/nets/layers.py",
        "pkg/sizes.py",
        "pkg/start.py",
    ]


def test_a_file_is_named_by_its_copy_and_a_module_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "configs" / "own.py", "")
    write(tmp_path / "configs" / "nets" / "own.py", "")
    write(tmp_path / "configs" / "pkg.py", "")
    write(tmp_path / "shared" / "own.py", "import sizes\n")
    write(tmp_path / "shared" / "sizes.py", "")
    references = ["own.py:A", "nets/own.py:A", "pkg:A", "../shared/own.py:A", "json:loads"]
    assert kept_code(references, tmp_path / "configs") == KeptCode(
        {
            "outside/shared/own.py": b"import sizes\n",
            "outside/shared/sizes.py": b"",
            "nets/own.py": b"",
            "own.py": b"",
            "pkg.py": b"",
        },
        {
            "own.py:A": "code/own.py:A",
            "nets/own.py:A": "code/nets/own.py:A",
            "pkg:A": "pkg:A",
            "../shared/own.py:A": "code/outside/shared/own.py:A",
            "json:loads": "json:loads",
        },
    )


def test_the_code_of_a_run_keeps_its_layout_in_the_next(tmp_path: Path) -> None:
    write(tmp_path / "code" / "own.py", "import sizes\n")
    write(tmp_path / "code" / "sizes.py", "")
    write(tmp_path / "code" / "pkg" / "parts.py", "")
    assert kept_code(["code/own.py:A", "pkg.parts:B"], tmp_path) == KeptCode(
        {"own.py": b"import sizes\n", "pkg/parts.py": b"", "sizes.py": b""},
        {"code/own.py:A": "code/own.py:A", "pkg.parts:B": "pkg.parts:B"},
    )


def test_a_file_that_python_cannot_read_is_kept_alone(tmp_path: Path) -> None:
    write(tmp_path / "own.py", "def late():\n    import typo\n")
    write(tmp_path / "typo.py", "import = 3\n")
    assert kept_paths(tmp_path, "own.py:late") == ["own.py", "typo.py"]


def test_a_doubtful_escape_does_not_hide_the_imports(tmp_path: Path) -> None:
    write(tmp_path / "own.py", "import sizes\nPATTERN = '\\d'\n")
    write(tmp_path / "sizes.py", "")
    assert kept_paths(tmp_path, "own.py:PATTERN") == ["own.py", "sizes.py"]


def test_code_of_one_name_is_told_apart_by_its_hashes(tmp_path: Path) -> None:
    write(tmp_path / "a" / "own.py", "SIZE = 1\n")
    write(tmp_path / "b" / "own.py", "SIZE = 2\n")
    assert [code_hashes(["own.py:SIZE"], tmp_path / folder) for folder in "ab"] == [
        {"own.py": hashlib.sha256(b"SIZE = 1\n").hexdigest()},
        {"own.py": hashlib.sha256(b"SIZE = 2\n").hexdigest()},
    ]


# ---------------------------------------------------------------- a run without the folder it was trained in

SPEC = """\
kexp: 1
name: kept
seed: 3
data: {source: sklearn, dataset: digits, split: {val: 0.15, test: 0.15}}
model:
  layers:
    - blocks.py:Scale
    - pkg.layers:Mine
    - Dense: {units: 10, activation: softmax}
train: {optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy], batch_size: 128}
"""
SCALE = """\
import keras
from settings import BY


class Scale(keras.layers.Layer):
    def call(self, x):
        return x * BY
"""
MINE = """\
import keras
from .base import N


class Mine(keras.layers.Dense):
    def __init__(self, **kwargs):
        super().__init__(N, **kwargs)
"""


def run_kexp(folder: Path, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kexp", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment({"KEXP_RUNS": str(folder / "runs")}),
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.xdist_group("cli")
def test_a_run_is_evaluated_and_trained_again_without_its_original_folder(tmp_path: Path) -> None:
    write(tmp_path / "a" / "spec.yaml", SPEC)
    write(tmp_path / "a" / "blocks.py", SCALE)
    write(tmp_path / "a" / "settings.py", "BY = 0.0625\n")
    write(tmp_path / "a" / "pkg" / "__init__.py", "")
    write(tmp_path / "a" / "pkg" / "layers.py", MINE)
    write(tmp_path / "a" / "pkg" / "base.py", "N = 8\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    trained = json.loads(run_kexp(elsewhere, "train", tmp_path / "a" / "spec.yaml", "--json"))
    (run,) = (elsewhere / "runs").iterdir()
    (tmp_path / "a").rename(tmp_path / "b")
    measured = json.loads(run_kexp(elsewhere, "evaluate", run, "--json"))
    again = json.loads(run_kexp(elsewhere, "train", run / "resolved.yaml", "--json"))

    tested = {name: value for name, value in trained["metrics"].items() if name.startswith("test_")}
    assert {f"test_{name}": value for name, value in measured["metrics"].items()} == tested
    assert again["metrics"] == trained["metrics"]
    (second,) = set((elsewhere / "runs").iterdir()) - {run}
    kept = [
        sorted(p.relative_to(r / "code").as_posix() for p in r.glob("code/**/*.py")) for r in (run, second)
    ]
    assert kept == [["blocks.py", "pkg/__init__.py", "pkg/base.py", "pkg/layers.py", "settings.py"]] * 2
