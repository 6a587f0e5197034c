from pathlib import Path

import numpy as np
import pytest

from kexp.data.load import load, read_table
from kexp.data.windows import WindowColumn, apart
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value


def read(folder: Path, **options: Value) -> Table:
    return read_table(Data("text", options), Site(folder, seed=0))


def refusal(folder: Path, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, **options)
    return str(caught.value).replace(str(folder), "DIR")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_folder_per_class_gives_texts_and_labels(tmp_path: Path) -> None:
    write(tmp_path / "pos" / "1.txt", "fine")
    write(tmp_path / "neg" / "1.txt", "poor \u00e9t\u00e9")
    table = read(tmp_path, path=".")
    assert table.parts["all"].inputs["text"][:].tolist() == ["poor été", "fine"]
    assert table.parts["all"].targets["label"][:].tolist() == [0, 1]
    assert table.classes == {"label": ("neg", "pos")}


def test_running_text_becomes_windows_and_what_follows_every_character(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "abcabcabca")
    samples = read(tmp_path, path="t.txt", window=4).parts["all"]
    assert samples.inputs["tokens"][:].tolist() == [[0, 1, 2, 0], [1, 2, 0, 1]]
    assert samples.targets["next"][:].tolist() == [[1, 2, 0, 1], [2, 0, 1, 2]]
    assert samples.inputs["tokens"].dtype == np.uint8


def test_windows_may_overlap_and_have_one_target(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "abcd")
    samples = read(tmp_path, path="t.txt", window=2, stride=1, predict="last", target="char").parts["all"]
    assert samples.inputs["tokens"][:].tolist() == [[0, 1], [1, 2]]
    assert samples.targets["char"][:].tolist() == [[2], [3]]


def test_a_file_per_split_shares_one_vocabulary(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "aab")
    write(tmp_path / "b.txt", "c\u20acc")
    table = read(tmp_path, train="a.txt", test="b.txt", window=2)
    assert table.classes == {"next": ("a", "b", "c", "\u20ac")}
    assert table.parts["test"].inputs["tokens"][:].tolist() == [[2, 3]]


def test_bytes_are_tokens_too(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "\u00e9a\u00e9")
    assert read(tmp_path, path="t.txt", window=2, level="byte").classes == {"next": ("a", "\u00a9", "\u00c3")}


def test_a_rare_character_need_not_be_in_the_training_split(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "abababababxb")
    for predict in ("sequence", "last"):
        data = Data("text", {"path": "t.txt", "window": 2, "predict": predict}, Split(test=1, shuffle=False))
        datasets = load(data, Site(tmp_path, 0))
        assert datasets.info.num_classes == {"next": 3}
        assert datasets.info.sizes == {"train": 4, "test": 1}


def test_a_text_too_short_for_one_window_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "abc")
    assert refusal(tmp_path, path="t.txt", window=3) == (
        "error[text-too-short]: `DIR/t.txt` has 3 characters, and a window of 3 takes one more than that\n"
        "  --> data.window"
    )


def test_another_encoding_is_said_or_named(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("one\nétés".encode("latin-1"))
    assert refusal(tmp_path, path="t.txt", window=3) == (
        "error[bad-encoding]: line 2 of `DIR/t.txt` is not utf-8: invalid continuation byte at byte 4\n"
        "  --> data.encoding\n"
        "help: save the file as UTF-8, or say its `encoding`, such as `latin-1`"
    )
    assert len(read(tmp_path, path="t.txt", window=3, encoding="latin-1").parts["all"]) == 2
    assert refusal(tmp_path, path="t.txt", window=3, encoding="latin-x").startswith(
        "error[bad-encoding]: there is no encoding `latin-x`"
    )


def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, path="t.txt", window=3, level="chars") == (
        "error[wrong-choice]: `level` must be one of `char`, `byte`, found `chars`\n"
        "  --> data.level\n"
        "help: did you mean `char`?"
    )


def test_tiny_shakespeare_as_it_is(real_data: Path) -> None:
    table = read(real_data, path="tinyshakespeare.txt", window=64)
    assert table.parts["all"].inputs["tokens"].shape == (17428, 64)
    assert len(table.classes["next"]) == 65


def test_windows_that_share_text_are_kept_apart(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "".join(chr(97 + n % 26) for n in range(60)))
    data = Data("text", {"path": "t.txt", "window": 10, "stride": 2}, Split(val=8, test=4, shuffle=False))
    datasets = load(data, Site(tmp_path, 0))
    # Of 25 windows that begin at 0, 2, … 48 the last 4 are tested on; those at 34 to 40 reach into them.
    assert datasets.info.sizes == {"train": 9, "val": 4, "test": 4}
    assert datasets.notes == ("left out 8 windows that share text with a later split",)


def test_windows_side_by_side_are_all_used(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "ab" * 50)
    datasets = load(Data("text", {"path": "t.txt", "window": 10}, Split(val=3)), Site(tmp_path, 0))
    assert (datasets.info.sizes, datasets.notes) == ({"train": 6, "val": 3}, ())


def test_a_split_without_windows_shares_none() -> None:
    column = WindowColumn(np.arange(30), np.array([0, 10, 20]), 10)
    cuts = apart({"train": np.array([0, 1]), "val": np.empty(0, np.int64), "test": np.array([2])}, column)
    assert {name: rows.tolist() for name, rows in cuts.items()} == {"train": [0, 1], "val": [], "test": [2]}


def test_windows_that_all_share_text_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "t.txt", "ab" * 50)
    data = Data("text", {"path": "t.txt", "window": 50, "stride": 1}, Split(test=5, shuffle=False))
    with pytest.raises(KexpError) as caught:
        load(data, Site(tmp_path, 0))
    assert str(caught.value) == (
        "error[windows-overlap]: every window of train shares text with one of a later split\n"
        "  --> data.split\n"
        "help: write `shuffle: false`, give a file per split, or leave out `stride`"
    )
