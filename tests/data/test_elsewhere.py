import pytest

from kexp.data.elsewhere import with_data_at
from kexp.errors import SpecError
from kexp.spec.types import Data


def moved(source, place, **options):
    return dict(with_data_at(Data(source, options), place).options)


def test_the_one_file_of_a_source_lies_elsewhere():
    assert moved("csv", "/here/b.csv", path="/there/a.csv", target="y") == {
        "path": "/here/b.csv",
        "target": "y",
    }
    assert moved("csv", "/here/b.csv", train="/there/a.csv", target="y") == {
        "train": "/here/b.csv",
        "target": "y",
    }


def test_a_folder_that_holds_the_one_file_will_do(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    assert moved("csv", str(tmp_path), path="/there/a.csv")["path"] == str(tmp_path / "a.csv")
    assert moved("csv", str(tmp_path), path="/there/b.csv")["path"] == str(tmp_path)


def test_several_files_keep_their_places_below_their_common_folder():
    assert moved("npz", "/here", train="/there/a/train.npz", test="/there/b/test.npz") == {
        "train": "/here/a/train.npz",
        "test": "/here/b/test.npz",
    }
    assert moved("npy", "/here", path={"x": "/there/x.npy", "y": "/there/y.npy"}) == {
        "path": {"x": "/here/x.npy", "y": "/here/y.npy"}
    }
    assert moved("images", "/here", path="/there/images", masks="/there/masks") == {
        "path": "/here/images",
        "masks": "/here/masks",
    }


def test_a_relative_path_among_whole_ones_stays_where_it_is():
    assert moved("csv", "/here", train="/there/a/train.csv", val="b/val.csv", test="/there/test.csv") == {
        "train": "/here/a/train.csv",
        "val": "/here/b/val.csv",
        "test": "/here/test.csv",
    }


def test_a_folder_stands_for_a_data_set_that_was_named():
    assert moved("tfds", "/here", dataset="mnist", target="label") == {"target": "label", "path": "/here"}


@pytest.mark.parametrize(("source", "options"), [("sklearn", {"dataset": "iris"}), ("loaders.py:load", {})])
def test_data_that_comes_from_no_file_cannot_lie_elsewhere(source, options):
    with pytest.raises(SpecError) as caught:
        moved(source, "/here", **options)

    assert str(caught.value) == (
        f"error[no-data-path]: the source `{source}` takes no `path`, so its data cannot lie elsewhere\n"
        "  --> data.source"
    )
