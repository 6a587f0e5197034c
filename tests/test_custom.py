import json
import sys
from pathlib import Path

import pytest

from kexp.custom import load_object, user_traceback
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
