from pathlib import Path

import numpy as np
import pytest

from kexp.data.python_function import load_function
from kexp.errors import KexpError
from kexp.protocols import Samples, Site
from kexp.spec.types import Value

EXPECTED = (
    "help: return `(x, y)` or `(x, y, weights)` with arrays or maps of arrays, a data set as `fit` takes it,"
    " or a map from `train`, `val` and `test` to such"
)


def call(tmp_path: Path, body: str, **args: Value) -> dict[str, Samples]:
    (tmp_path / "loaders.py").write_text("import numpy as np\n" + body)
    return dict(load_function("loaders.py:load", Site(tmp_path, seed=7), args).parts)


def refusal(tmp_path: Path, body: str, **args: Value) -> str:
    with pytest.raises(KexpError) as caught:
        call(tmp_path, body, **args)
    return str(caught.value)


def test_a_pair_of_arrays_is_called_x_and_y(tmp_path: Path) -> None:
    parts = call(tmp_path, "def load(): return np.ones((2, 3)), [0, 1]\n")
    assert {name: array.dtype.name for name, array in parts["all"].inputs.items()} == {"x": "float32"}
    assert {name: array.tolist() for name, array in parts["all"].targets.items()} == {"y": [0, 1]}
    assert parts["all"].weights is None


def test_maps_of_arrays_keep_their_names_and_weights_come_third(tmp_path: Path) -> None:
    body = "def load(): return {'a': [1, 2], 'b': ['s', 't']}, {'c': [0, 1]}, [0.5, 1.0]\n"
    samples = call(tmp_path, body)["all"]
    assert {name: array.tolist() for name, array in samples.inputs.items()} == {"a": [1, 2], "b": ["s", "t"]}
    assert list(samples.targets) == ["c"]
    assert samples.weights is not None
    assert samples.weights.tolist() == [0.5, 1.0]


def test_a_map_of_splits_gives_parts(tmp_path: Path) -> None:
    parts = call(tmp_path, "def load(): return {'test': ([3], [1]), 'train': ([1, 2], [0, 1])}\n")
    assert {name: part.inputs["x"].tolist() for name, part in parts.items()} == {"train": [1, 2], "test": [3]}


def test_there_may_be_no_targets(tmp_path: Path) -> None:
    assert call(tmp_path, "def load(): return np.ones((2, 3)), None\n")["all"].targets == {}


def test_objects_that_are_text_become_text(tmp_path: Path) -> None:
    body = "def load(): return np.array(['a', 'bc'], dtype=object), [0, 1]\n"
    assert call(tmp_path, body)["all"].inputs["x"].dtype == np.dtype("U2")


def test_arguments_are_plain_lists_and_maps(tmp_path: Path) -> None:
    body = "def load(sizes, names): sizes.append(5); names['b'] = 1; return sizes, [0, 1, 2]\n"
    assert call(tmp_path, body, sizes=(3, 4), names={"a": 0})["all"].inputs["x"].tolist() == [3, 4, 5]


def test_the_seed_is_given_to_a_function_that_takes_one(tmp_path: Path) -> None:
    body = "def load(seed, size=1): return [seed] * size, [0] * size\n"
    assert call(tmp_path, body, size=2)["all"].inputs["x"].tolist() == [7, 7]
    assert call(tmp_path, body, seed=3)["all"].inputs["x"].tolist() == [3]


def test_arguments_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "def load(size): ...\n", sise=3) == (
        "error[data-function-arguments]: `loaders.py:load(size)` cannot be called like this:"
        " missing a required argument: 'size'\n"
        "  --> data.args"
    )


def test_an_error_inside_the_function_shows_the_users_lines_alone(tmp_path: Path) -> None:
    body = "def load():\n    return inner()\n\ndef inner():\n    return np.zeros(3).reshape(2, 2)\n"
    assert refusal(tmp_path, body) == (
        "error[data-function-raised]: `loaders.py:load` raised ValueError\n"
        "  --> data.source\n"
        '    File "loaders.py", line 3, in load\n'
        "      return inner()\n"
        '    File "loaders.py", line 6, in inner\n'
        "      return np.zeros(3).reshape(2, 2)\n"
        "  ValueError: cannot reshape array of size 3 into shape (2,2)"
    )


def test_an_import_that_fails_blames_the_source(tmp_path: Path) -> None:
    assert refusal(tmp_path, "raise RuntimeError('no')\n") == (
        "error[custom-import-failed]: importing `loaders.py` raised RuntimeError\n"
        "  --> data.source\n"
        '    File "loaders.py", line 2, in <module>\n'
        "      raise RuntimeError('no')\n"
        "  RuntimeError: no"
    )


def test_a_value_is_no_function(tmp_path: Path) -> None:
    assert refusal(tmp_path, "load = 3\n") == (
        "error[not-a-function]: `loaders.py:load` is of type `int`, not a function\n  --> data.source"
    )


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ("None", "a value of type `NoneType`"),
        ("np.ones(3)", "a value of type `ndarray`"),
        ("([1],)", "a tuple of 1"),
        ("{'x': [1], 'y': [2]}", "a map of `x`, `y`"),
        ("{'train': ([1], [2]), 'dev': ([1], [2])}", "a map of `train`, `dev`"),
        ("({}, [1])", "no inputs"),
        ("(1, [1])", "an unusable `x`: it is a single value"),
        ("([1], [object()])", "an unusable `y`: its dtype is object, neither numbers nor text"),
    ],
)
def test_anything_else_is_refused_with_what_it_was(tmp_path: Path, returned: str, found: str) -> None:
    assert refusal(tmp_path, f"def load(): return {returned}\n") == (
        f"error[bad-data-function]: `loaders.py:load` returned {found}\n  --> data.source\n{EXPECTED}"
    )


def test_ragged_lists_are_refused(tmp_path: Path) -> None:
    text = refusal(tmp_path, "def load(): return [[1], [1, 2]], [0, 1]\n")
    assert text.startswith(
        "error[bad-data-function]: `loaders.py:load` returned an unusable `x`:"
        " setting an array element with a sequence"
    )


ARRAYS = "np.ones((4, 2)), np.zeros(4)"


@pytest.mark.parametrize("returned", [f"({ARRAYS}), ({ARRAYS})", f"iter([({ARRAYS})]), iter([({ARRAYS})])"])
def test_data_sets_side_by_side_are_answered_with_names_for_them(tmp_path: Path, returned: str) -> None:
    assert refusal(tmp_path, f"def load(): return {returned}\n") == (
        "error[bad-data-function]: `loaders.py:load` returned a tuple of 2 data sets\n"
        "  --> data.source\n"
        'help: say which is which: `return {"train": …, "val": …}`'
    )
