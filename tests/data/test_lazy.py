from pathlib import Path

import numpy as np
import pytest

from kexp.data.cache import cached
from kexp.data.files import Watched
from kexp.data.fingerprint import hash_samples
from kexp.data.lazy import LazyColumn, Mapped, View, chunks, in_memory, loaded, size_bytes, taken
from kexp.data.load import take
from kexp.data.order import Indices
from kexp.errors import KexpError
from kexp.protocols import Samples


class Squares(LazyColumn):
    """Counts how many rows were computed."""

    def __init__(self, size: int) -> None:
        super().__init__((size, 1), "int64")
        self.num_read = 0

    def read(self, rows: Indices) -> np.ndarray:
        self.num_read += len(rows)
        return (rows**2)[:, None]


def test_a_lazy_column_is_indexed_like_an_array() -> None:
    squares = Squares(10)
    assert (squares.shape, squares.ndim, len(squares), squares.nbytes) == ((10, 1), 2, 10, 80)
    assert squares[2:5].tolist() == [[4], [9], [16]]
    assert squares[np.array([7, 0, 7])].tolist() == [[49], [0], [49]]


def test_views_of_views_read_only_what_is_asked_for() -> None:
    squares = Squares(100)
    view = View(View(squares, np.arange(50, 100)), np.array([0, 10]))
    assert view[np.array([1])].tolist() == [[3600]]
    assert squares.num_read == 1


def test_taking_rows_copies_an_array_and_views_a_lazy_column() -> None:
    rows = np.array([3, 1])
    assert in_memory(taken(np.arange(5), rows)).tolist() == [3, 1]
    assert in_memory(taken(Squares(5), rows)).tolist() == [[9], [1]]
    assert isinstance(taken(Squares(5), rows), View)


def test_a_large_column_comes_in_chunks(tmp_path: Path) -> None:
    array = np.arange(3 * 2**23, dtype=np.float32).reshape(-1, 2)
    np.save(tmp_path / "a.npy", array)
    mapped = Mapped(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert [len(chunk) for chunk in chunks(mapped)] == [2**23, 2**22]
    assert np.array_equal(in_memory(mapped), array)


def test_a_mapped_array_hashes_like_the_same_array_in_memory(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(6, 2)
    np.save(tmp_path / "a.npy", array)
    mapped = Samples({"x": Mapped(np.load(tmp_path / "a.npy", mmap_mode="r"))}, {"y": np.arange(6)})
    plain = Samples({"x": array}, {"y": np.arange(6)})
    assert hash_samples(mapped) == hash_samples(plain)
    rows = np.array([4, 2])
    assert hash_samples(take(mapped, rows)) == hash_samples(take(plain, rows)) != hash_samples(plain)


def test_cache_says_what_is_read_into_memory() -> None:
    samples = Samples({"x": Squares(10)}, {"y": np.arange(10)})
    assert size_bytes(samples) == 80
    assert isinstance(cached({"train": samples}, "none", Path())["train"].inputs["x"], Squares)
    for cache in ("auto", "memory"):
        kept = cached({"train": samples}, cache, Path())["train"]
        assert isinstance(kept.inputs["x"], np.ndarray)
        assert kept.inputs["x"].tolist() == loaded(samples).inputs["x"].tolist()


def test_what_does_not_fit_stays_where_it_is() -> None:
    huge = Samples({"x": Squares(2**50)}, {})
    assert isinstance(cached({"train": huge}, "auto", Path())["train"].inputs["x"], Squares)


def test_on_disk_rows_are_decoded_once_and_found_again(tmp_path: Path) -> None:
    reads = []
    for _ in range(2):
        squares = Squares(5)
        kept = cached({"train": Samples({"x": squares}, {})}, "disk", tmp_path)["train"].inputs["x"]
        assert isinstance(kept, Mapped)
        assert in_memory(kept).tolist() == [[0], [1], [4], [9], [16]]
        reads.append(squares.num_read)
    # The column has no files to know its hash by: what it holds is read to find it.
    assert reads == [10, 5]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KexpError) as caught:
        cached({"train": Samples({"x": Squares(5)}, {})}, "disk", tmp_path / "file")
    assert str(caught.value) == (
        f"error[cache-not-written]: decoded rows cannot be kept in `{tmp_path}/file`: File exists\n"
        "  --> data.cache\n"
        "help: make room, set `KEXP_CACHE` to another folder, or leave out `cache: disk`"
    )


def test_a_mapped_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    mapped = Mapped(np.load(tmp_path / "a.npy", mmap_mode="r"), file=Watched.now(tmp_path / "a.npy"))
    assert mapped[:2].tolist() == [[0, 0], [0, 0]]
    np.save(tmp_path / "a.npy", np.ones((9, 2)))
    with pytest.raises(KexpError) as caught:
        mapped[:2]
    assert str(caught.value) == (
        f"error[data-file-changed]: `{tmp_path}/a.npy` was changed while it was being read\n"
        "  --> data\n"
        "help: train again; `cache: memory` or `cache: disk` reads every file once"
    )
