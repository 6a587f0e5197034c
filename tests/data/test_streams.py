"""Real tf.data, PyDataset and generator objects; torch's are tried where it is installed."""

from pathlib import Path

import numpy as np
import pytest

from kexp.data import streams
from kexp.data.lazy import LazyColumn
from kexp.data.python_function import load_function
from kexp.errors import KexpError
from kexp.protocols import Samples, Site
from tests.fakes import KERAS, machine

pytestmark = KERAS


def call(folder: Path, body: str) -> dict[str, Samples]:
    machine()
    (folder / "loaders.py").write_text("import numpy as np\n" + body)
    return dict(load_function("loaders.py:load", Site(folder, seed=7), {}).parts)


def refusal(folder: Path, body: str) -> str:
    with pytest.raises(KexpError) as caught:
        call(folder, body)
    return str(caught.value).splitlines()[0]


def lists(samples: Samples) -> dict[str, object]:
    return {name: column[:].tolist() for name, column in {**samples.inputs, **samples.targets}.items()}


BATCHES = {
    "a tf.data.Dataset of batches": """
import tensorflow as tf
def load(): return tf.data.Dataset.from_tensor_slices((np.arange(10.).reshape(5, 2), np.arange(5))).batch(2)
""",
    "a tf.data.Dataset of samples": """
import tensorflow as tf
def load(): return tf.data.Dataset.from_tensor_slices((np.arange(10.).reshape(5, 2), np.arange(5)))
""",
    "a PyDataset": """
import keras
class Data(keras.utils.PyDataset):
    def __len__(self): return 3
    def __getitem__(self, i):
        rows = np.arange(5)[2 * i:2 * i + 2]
        return np.arange(10.).reshape(5, 2)[rows], rows
def load(): return Data()
""",
    "a class": """
import keras
class load(keras.utils.PyDataset):
    def __len__(self): return 5
    def __getitem__(self, i): return np.arange(10.).reshape(5, 2)[i:i + 1], np.array([i])
""",
    "a generator": """
def load():
    for start in (0, 2, 4):
        rows = np.arange(5)[start:start + 2]
        yield np.arange(10.).reshape(5, 2)[rows], rows
""",
}


@pytest.mark.parametrize("kind", BATCHES)
def test_a_data_set_object_gives_all_its_samples(kind: str, tmp_path: Path) -> None:
    samples = call(tmp_path, BATCHES[kind])["all"]
    assert lists(samples) == {"x": np.arange(10.0).reshape(5, 2).tolist(), "y": [0, 1, 2, 3, 4]}
    assert samples.inputs["x"].dtype == np.float32


def test_a_map_of_splits_may_hold_data_sets_with_named_inputs_and_weights(tmp_path: Path) -> None:
    parts = call(
        tmp_path,
        """
import tensorflow as tf
def split(n):
    x = {"a": np.ones((n, 1)), "word": np.array(["hi"] * n)}
    return tf.data.Dataset.from_tensor_slices((x, np.zeros(n, int), np.full(n, 0.5))).batch(4)
def load(): return {"train": split(6), "val": split(2)}
""",
    )
    assert lists(parts["val"]) == {"a": [[1.0], [1.0]], "word": ["hi", "hi"], "y": [0, 0]}
    assert parts["train"].weights is not None
    assert parts["train"].weights.tolist() == [0.5] * 6


def test_what_does_not_fit_goes_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "free_memory_bytes", lambda: 100)
    body = "def load():\n    for n in range(50): yield np.full((4, 3), n, 'float32'), np.full(4, n)\n"
    samples = call(tmp_path, body)["all"]
    column = samples.inputs["x"]
    assert isinstance(column, LazyColumn)
    assert column[:].tolist() == np.repeat(np.arange(50.0), 12).reshape(200, 3).tolist()
    assert samples.targets["y"][np.array([199, 0])].tolist() == [49, 0]


def test_a_data_set_without_an_end_is_refused(tmp_path: Path) -> None:
    body = "import tensorflow as tf\ndef load(): return tf.data.Dataset.range(3).repeat()\n"
    assert refusal(tmp_path, body) == (
        "error[bad-data-function]: `loaders.py:load` returned a data set without an end;"
        " end it with `take(n)`, and leave out `repeat()`"
    )


def test_batches_of_different_shapes_are_refused(tmp_path: Path) -> None:
    body = "def load():\n    yield np.ones((2, 3)), np.ones(2)\n    yield np.ones((2, 4)), np.ones(2)\n"
    assert refusal(tmp_path, body) == (
        "error[bad-data-function]: `loaders.py:load` returned samples of shapes (3,) and (4,)"
    )


def test_samples_of_arrays_are_told_by_their_lengths(tmp_path: Path) -> None:
    body = "def load():\n    for _ in range(5): yield np.ones(4), np.array([0, 1, 0])\n"
    samples = call(tmp_path, body)["all"]
    assert (samples.inputs["x"].shape, samples.targets["y"].shape) == ((5, 4), (5, 3))


def test_a_file_does_not_cut_numbers_of_another_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "free_memory_bytes", lambda: 100)
    body = "def load():\n    for kind in (int, float): yield np.full((9, 3), 1.5).astype(kind), np.ones(9)\n"
    assert refusal(tmp_path, body) == (
        "error[bad-data-function]: `loaders.py:load` returned samples of int64, and then of float32"
    )


def test_an_empty_data_set_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "def load():\n    yield from ()\n") == (
        "error[bad-data-function]: `loaders.py:load` returned a data set without samples"
    )


def test_a_generator_that_raises_is_shown_by_its_own_lines(tmp_path: Path) -> None:
    with pytest.raises(KexpError) as caught:
        call(tmp_path, "def load():\n    yield np.ones((2, 3)), np.ones(2)\n    raise OSError('no disk')\n")
    assert "`loaders.py:load` raised OSError" in str(caught.value)
    assert 'File "loaders.py", line 4, in load' in str(caught.value)


def test_torchs_loaders_give_their_samples(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    body = """
import torch
def load():
    pairs = torch.utils.data.TensorDataset(torch.arange(10.).reshape(5, 2), torch.arange(5))
    return {"train": torch.utils.data.DataLoader(pairs, batch_size=2), "test": pairs}
"""
    parts = call(tmp_path, body)
    for part in ("train", "test"):
        assert list(lists(parts[part]).values()) == [np.arange(10.0).reshape(5, 2).tolist(), [0, 1, 2, 3, 4]]


def notes(folder: Path, body: str) -> tuple[str, ...]:
    machine()
    (folder / "loaders.py").write_text("import numpy as np\nimport tensorflow as tf\n" + body)
    return load_function("loaders.py:load", Site(folder, seed=7), {}).notes


PAIRS = "tf.data.Dataset.from_tensor_slices((np.ones((6, 4)), np.ones((6, 4))))"


def told(rows: str) -> tuple[str, ...]:
    doubt = "if each is one sample, give it an axis more (`x[None]`, `batch(1)`)"
    return (f"`loaders.py:load`: read {rows} as batches; {doubt}",)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"def load(): return {PAIRS}\n", told("6 elements of 4 rows")),
        ("def load():\n    for _ in range(6): yield np.ones(4), np.ones(4)\n", told("6 elements of 4 rows")),
        (
            "def load():\n    for n in (4, 2, 3): yield np.ones(n), np.ones(n)\n",
            told("3 elements of different numbers of rows"),
        ),
        (f"def load(): return {PAIRS}.batch(3)\n", ()),
        ("def load():\n    for n in (4, 4, 2): yield np.ones((n, 2)), np.ones(n)\n", ()),
        ("def load():\n    yield np.ones((4, 2)), np.ones(4)\n", ()),
    ],
)
def test_samples_that_may_as_well_be_batches_are_doubted(
    tmp_path: Path, body: str, expected: tuple[str, ...]
) -> None:
    assert notes(tmp_path, body) == expected


def test_several_arrays_of_weights_are_refused(tmp_path: Path) -> None:
    body = "def load():\n    yield np.ones((2, 3)), np.ones(2), {'a': np.ones(2), 'b': np.ones(2)}\n"
    assert refusal(tmp_path, body) == (
        "error[bad-data-function]: `loaders.py:load` returned 2 arrays of weights,"
        " and a sample has one weight"
    )


def test_samples_of_text_and_numbers_in_one_column_are_refused(tmp_path: Path) -> None:
    body = "def load():\n    yield np.ones(2), np.ones(2)\n    yield np.array(['a', 'b']), np.ones(2)\n"
    assert refusal(tmp_path, body) == (
        "error[bad-data-function]: `loaders.py:load` returned samples of text, and others of numbers"
    )
