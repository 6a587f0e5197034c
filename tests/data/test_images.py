from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kexp.data.lazy import LazyColumn
from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value


def picture(file: Path, colour: tuple[int, ...] | int = 0, size: tuple[int, int] = (4, 3)) -> Path:
    """Write a picture of one colour. Shapes: `size` is (width, height)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(file)
    return file


def pets(folder: Path) -> Path:
    for number in range(4):
        picture(folder / "cats" / f"{number}.png", (number, 10, 20))
        picture(folder / "dogs" / f"{number}.png", (number, 30, 40))
    return folder


def read(folder: Path, **options: Value) -> Table:
    return read_table(Data("images", options), Site(folder, seed=0))


def refusal(folder: Path, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, **options)
    return str(caught.value).replace(str(folder), "DIR")


def test_folders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    table = read(pets(tmp_path), path=".")
    samples = table.parts["all"]
    images = samples.inputs["image"]
    assert isinstance(images, LazyColumn)
    assert (images.shape, images.dtype) == ((8, 3, 4, 3), np.uint8)
    assert images[np.array([6, 1])][:, 0, 0].tolist() == [[2, 30, 40], [1, 10, 20]]
    assert samples.targets["label"][:].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert table.classes == {"label": ("cats", "dogs")}


def test_class_names_choose_the_folders_and_their_numbers(tmp_path: Path) -> None:
    picture(pets(tmp_path) / "birds" / "0.png", (0, 0, 0))
    table = read(tmp_path, path=".", class_names=("dogs", "cats"))
    assert table.classes == {"label": ("dogs", "cats")}
    assert len(table.parts["all"]) == 8


def test_folders_called_train_and_test_are_splits(tmp_path: Path) -> None:
    pets(tmp_path / "train")
    pets(tmp_path / "validation")
    assert {part: len(samples) for part, samples in read(tmp_path, path=".").parts.items()} == {
        "train": 8,
        "val": 8,
    }


def test_a_class_that_one_split_lacks_keeps_its_number(tmp_path: Path) -> None:
    pets(tmp_path / "a")
    picture(tmp_path / "b" / "dogs" / "0.png", (0, 0, 0))
    table = read(tmp_path, train="a", test="b")
    assert table.parts["test"].targets["label"][:].tolist() == [1]


def test_a_table_names_files_and_labels(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "a.png", 1)
    picture(tmp_path / "img" / "b.png", 2)
    (tmp_path / "labels.csv").write_text("name,kind,age\na.png,cat,1.5\nb.png,dog,2.5\n")
    table = read(
        tmp_path,
        table="labels.csv",
        path="img",
        file="name",
        target=("kind", "age"),
        color_mode="grayscale",
    )
    samples = table.parts["all"]
    assert samples.inputs["image"][:][:, 0, 0].tolist() == [[1], [2]]
    assert samples.targets["kind"][:].tolist() == ["cat", "dog"]
    assert samples.targets["age"][:].tolist() == [1.5, 2.5]


def test_masks_are_targets_of_class_numbers_resized_without_mixing(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg", (9, 9, 9), (8, 8))
    mask = Image.new("P", (8, 8), 2)
    mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    mask.paste(1, (0, 0, 4, 8))
    (tmp_path / "masks").mkdir()
    mask.save(tmp_path / "masks" / "a.png")
    table = read(tmp_path, path="images", masks="masks", image_size=(2, 2))
    assert table.parts["all"].targets["mask"][:].tolist() == [[[1, 2], [1, 2]]]


@pytest.mark.parametrize(
    ("fit", "columns"),
    [("stretch", [50, 50, 200, 200]), ("crop", [50, 50, 200, 200]), ("pad", [0, 50, 200, 0])],
)
def test_proportions_are_stretched_cut_or_padded(tmp_path: Path, fit: str, columns: list[int]) -> None:
    size = (4, 8) if fit == "pad" else (16, 8)
    image = Image.new("L", size, 50)
    image.paste(200, (size[0] // 2, 0, size[0], 8))
    (tmp_path / "c").mkdir()
    image.save(tmp_path / "c" / "a.png")
    table = read(
        tmp_path, path=".", image_size=(4, 4), color_mode="grayscale", interpolation="nearest", fit=fit
    )
    assert table.parts["all"].inputs["image"][:][0, 2, :, 0].tolist() == columns


def test_images_of_different_sizes_need_one_said(tmp_path: Path) -> None:
    picture(tmp_path / "c" / "a.png", 1)
    picture(tmp_path / "c" / "b.png", 1, (5, 3))
    assert refusal(tmp_path, path=".") == (
        "error[images-differ]: `DIR/c/a.png` is 3 by 4 and `DIR/c/b.png` is 3 by 5; arrays have one size\n"
        "  --> data\n"
        "help: say which, as height and width: `image_size: [3, 4]`"
    )
    assert read(tmp_path, path=".", image_size=(3, 4)).parts["all"].inputs["image"].shape == (2, 3, 4, 3)


def test_an_image_that_cannot_be_decoded_is_named_or_left_out(tmp_path: Path) -> None:
    pets(tmp_path)
    whole = (tmp_path / "cats" / "0.png").read_bytes()
    (tmp_path / "cats" / "1.png").write_bytes(whole[:45])
    (tmp_path / "cats" / "2.png").write_text("no picture")
    assert refusal(tmp_path, path=".") == (
        "error[image-unreadable]: `DIR/cats/2.png` cannot be decoded: it is no image of a known format\n"
        "  --> data\n"
        "help: mend or remove the file; `on_error: skip` leaves out such files and says how many"
    )
    (tmp_path / "cats" / "2.png").unlink()
    with pytest.raises(KexpError, match=r"image-unreadable.*cats/1.png"):
        load(Data("images", {"path": "."}), Site(tmp_path, 0))
    table = read(tmp_path, path=".", on_error="skip")
    assert len(table.parts["all"]) == 6
    assert table.notes == (f"left out 1 of 7 images that cannot be decoded: `{tmp_path}/cats/1.png`",)
    assert load(Data("images", {"path": ".", "on_error": "skip"}), Site(tmp_path, 0)).notes == table.notes


def test_an_image_replaced_during_training_is_noticed(tmp_path: Path) -> None:
    images = read(pets(tmp_path), path=".").parts["all"].inputs["image"]
    picture(tmp_path / "cats" / "0.png", (200, 100, 50), (40, 30))
    with pytest.raises(KexpError, match="data-file-changed"):
        images[:1]


def test_the_fingerprint_hangs_on_the_files_alone(tmp_path: Path) -> None:
    pets(tmp_path)
    split = Split(test=2, stratify=True)
    prints = [
        load(Data("images", {"path": "."}, split, cache=c), Site(tmp_path, 0)).fingerprint
        for c in ("none", "memory")
    ]
    assert prints[0] == prints[1]
    assert len(prints[0].files) == 8
    picture(tmp_path / "dogs" / "3.png", (99, 99, 99))
    changed = load(Data("images", {"path": "."}, split), Site(tmp_path, 0)).fingerprint
    assert changed.content_sha256 != prints[0].content_sha256


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    pets(tmp_path / "pets")
    assert refusal(tmp_path, path="pest") == (
        "error[data-folder-missing]: there is no folder `DIR/pest`\n"
        "  --> data.path\n"
        "help: did you mean `pets`?"
    )
    assert refusal(tmp_path, path="pets", class_names=("cats", "dgos")) == (
        "error[unknown-class]: there is no folder for the class `dgos`\n"
        "  --> data.class_names\n"
        "help: did you mean `dogs`?"
    )
    assert refusal(tmp_path, path="pets/cats") == (
        "error[no-class-folders]: `DIR/pets/cats` holds no folders, and the files of each class are expected"
        " in one of their own\n"
        "  --> data.path"
    )
    assert refusal(tmp_path, path="pets/cats", masks="pets/dogs/none").startswith(
        "error[data-folder-missing]"
    )
    assert refusal(tmp_path, path="pets", interpolation="cubic") == (
        "error[wrong-choice]: `interpolation` must be one of `nearest`, `bilinear`, `bicubic`, `lanczos3`,"
        " `area`, found `cubic`\n"
        "  --> data.interpolation\n"
        "help: did you mean `bicubic`?"
    )


def test_masks_are_found_by_folder_and_name(tmp_path: Path) -> None:
    for number, city in enumerate(("rome", "oslo")):
        picture(tmp_path / "all" / city / "1.png", (9, 9, 9))
        picture(tmp_path / "all" / "masks" / city / "1.png", number)
    table = read(tmp_path, path="all", masks="all/masks")
    assert table.parts["all"].targets["mask"][:][:, 0, 0].tolist() == [1, 0]
    (tmp_path / "all" / "masks" / "oslo" / "1.png").unlink()
    assert refusal(tmp_path, path="all", masks="all/masks").splitlines()[0] == (
        "error[mask-missing]: `DIR/all/masks` holds no mask called `oslo/1`, and `DIR/all` holds `oslo/1.png`"
    )


def test_masks_of_splits_may_stand_in_folders_of_their_names(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "test")):
        picture(tmp_path / "images" / part / "1.png", (9, 9, 9))
        picture(tmp_path / "masks" / part / "1.png", number)
    parts = read(tmp_path, path="images", masks="masks").parts
    assert {part: samples.targets["mask"][:].max() for part, samples in parts.items()} == {
        "test": 1,
        "train": 0,
    }


def test_a_mask_of_bits_has_the_classes_0_and_1(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png", (9, 9, 9))
    (tmp_path / "masks").mkdir()
    mask = Image.new("1", (4, 3))
    mask.putpixel((0, 0), 1)
    mask.save(tmp_path / "masks" / "a.png")
    found = read(tmp_path, path="images", masks="masks").parts["all"].targets["mask"][:]
    assert np.bincount(found.ravel()).tolist() == [11, 1]


def test_images_of_16_bits_keep_their_higher_8(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    Image.fromarray(np.array([[0, 256], [25600, 65535]], np.uint16)).save(tmp_path / "c" / "a.png")
    images = read(tmp_path, path=".", color_mode="grayscale").parts["all"].inputs["image"]
    assert images[:].ravel().tolist() == [0, 1, 100, 255]


def test_options_that_a_table_or_masks_would_leave_unheeded_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "img" / "a.png", 1)
    (tmp_path / "labels.csv").write_text("file,label\na.png,cat\n")
    assert refusal(tmp_path, path="img", table="labels.csv", test="img") == (
        "error[conflicting-options]: `table` and `test` are both given,"
        " and `table` alone says what is in each image\n"
        "  --> data.test\n"
        "help: leave out `table` or `test`"
    )
    assert refusal(tmp_path, path="img", masks="img", class_names=("a",)).startswith(
        "error[conflicting-options]: `masks` and `class_names` are both given"
    )
    assert refusal(tmp_path, path=".", target=("a", "b")) == (
        "error[wrong-type]: `target` is a list, and only a `table` has several columns\n"
        "  --> data.target\n"
        "help: write one name"
    )


def masked(folder: Path, mask: Image.Image) -> None:
    """Write an image and its mask."""
    picture(folder / "images" / "a.png", (9, 9, 9), mask.size)
    (folder / "masks").mkdir()
    mask.save(folder / "masks" / "a.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_mask_in_colour_is_refused(tmp_path: Path, mode: str) -> None:
    masked(tmp_path, Image.new(mode, (4, 3)))
    assert refusal(tmp_path, path="images", masks="masks") == (
        f"error[mask-not-classes]: `DIR/masks/a.png` is of mode {mode}, whose colours are no numbers of"
        " classes\n"
        "  --> data.masks\n"
        "help: save masks with one channel that holds the number of each pixel's class"
    )


def test_a_mask_of_16_bits_holds_classes_up_to_255(tmp_path: Path) -> None:
    masked(tmp_path, Image.fromarray(np.array([[0, 7], [200, 255]], np.uint16)))
    masks = read(tmp_path, path="images", masks="masks").parts["all"].targets["mask"]
    assert masks[:].ravel().tolist() == [0, 7, 200, 255]
    Image.fromarray(np.array([[0, 7], [300, 255]], np.uint16)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(KexpError) as caught:
        read(tmp_path, path="images", masks="masks").parts["all"].targets["mask"][:]
    assert str(caught.value).splitlines()[0] == (
        f"error[mask-not-classes]: `{tmp_path}/masks/a.png` holds the number 300, and classes are 0 to 255"
    )


def test_masks_of_black_and_white_are_doubted(tmp_path: Path) -> None:
    masked(tmp_path, Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)))
    assert read(tmp_path, path="images", masks="masks").notes == (
        "the masks hold 0 and 255, which are taken for classes 0 to 255: write 1 for 255 into the files",
    )
