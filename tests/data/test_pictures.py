"""Arrays as pictures, and pictures as labelled sheets."""

import io

import numpy as np
import pytest
from PIL import Image

from kexp.data.contact_sheet import contact_sheet, image_inputs
from kexp.data.pictures import Shades, is_image, picture, shades_of
from kexp.data.sheets import Cell, Line, Sheet, sheet_png, stacked_png
from kexp.protocols import Samples


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 200], Shades(0, 255)),
        ([0, 16], Shades(0, 16)),
        ([0.1, 0.9], Shades(0, 1)),
        ([-0.8, 0.9], Shades(-1, 1)),
        ([-3.5, 4.0], Shades(-3.5, 4)),
        ([0, 1000], Shades(0, 1000)),
        ([7, 7], Shades(7, 8)),
        ([np.nan, np.inf], Shades(0, 1)),
        ([np.nan, 0.0, 0.6], Shades(0, 1)),
    ],
)
def test_black_and_white_are_the_ends_of_a_usual_range_or_of_the_values(values, expected):
    assert shades_of([np.array(values[:1]), np.array(values[1:])]) == expected


def test_shades_say_what_they_are():
    assert str(Shades(-1, 255)) == "black is -1, white is 255"


def test_values_beyond_are_cut_and_what_is_no_number_is_black():
    shown = picture(np.array([[-1.0, 0.0], [0.5, 9.0], [np.nan, 1.0]] * 4).reshape(12, 2), Shades(0, 1), 12)

    assert shown.size == (2, 12)
    assert np.asarray(shown)[:3, :, 0].tolist() == [[0, 0], [128, 255], [0, 255]]


def test_pixels_stay_whole_and_sides_keep_their_proportion():
    shades = Shades(0, 255)

    assert picture(np.zeros((8, 8, 1), np.uint8), shades, 84).size == (80, 80)
    assert picture(np.zeros((100, 50, 3), np.uint8), shades, 84).size == (42, 84)
    assert picture(np.zeros((9, 9, 4), np.uint8), shades, 84).mode == "RGB"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), True),
        ((28, 20, 3), True),
        ((28, 20, 1), True),
        ((7, 8), False),
        ((8, 8, 2), False),
        ((8,), False),
        ((None, 8, 3), False),
    ],
)
def test_images_are_told_by_their_shape(shape, expected):
    assert is_image(shape) is expected


def grey(value):
    return picture(np.full((8, 8), value, np.uint8), Shades(0, 255), 16)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_sheet_has_its_pictures_in_lines():
    lines = (Line("", (Cell(grey(0)), Cell(grey(100)))), Line("", (Cell(grey(200)),)))
    drawn = pixels(sheet_png(Sheet("title", "note", lines)))

    assert drawn.shape == (12 + 16 + 6 + 16 + 12, 12 + 16 + 6 + 16 + 12, 3)
    assert [drawn[20, 20, 0], drawn[20, 40, 0], drawn[40, 20, 0], drawn[40, 40, 0]] == [0, 100, 200, 255]


def test_labels_and_captions_have_room():
    bare = pixels(sheet_png(Sheet("", "", (Line("", (Cell(grey(0)),)),)))).shape
    labelled = pixels(
        sheet_png(Sheet("", "", (Line("row 1\nkind: cat", (Cell(grey(0), "epoch 1"),)),)))
    ).shape

    assert labelled[0] == bare[0] + 16
    assert labelled[1] > bare[1] + 60


def test_a_version_is_set_apart_from_the_one_before():
    def width(begins):
        cells = (Cell(grey(0)), Cell(grey(0), begins=begins))
        return pixels(sheet_png(Sheet("", "", (Line("", cells),)))).shape[1]

    assert width(True) == width(False) + 12


def test_sheets_are_stacked_under_their_titles():
    sheet = Sheet("the input x", "black is 0, white is 255", (Line("", (Cell(grey(0)),)),))
    one, two = pixels(stacked_png([sheet])), pixels(stacked_png([sheet, sheet]))

    assert two.shape == (2 * one.shape[0], *one.shape[1:])
    assert one.shape[0] > pixels(sheet_png(sheet)).shape[0]


def test_a_contact_sheet_has_a_line_for_every_class():
    images = np.zeros((6, 16, 16), np.uint8)
    images[[1, 3]] = 255
    samples = Samples({"x": images, "v": np.zeros((6, 3))}, {"y": np.array([0, 1, 0, 1, 0, 0])})
    sheet = contact_sheet(samples, "x", {"y": ("cat", "dog")})

    assert image_inputs(samples) == ["x"]
    assert (sheet.title, sheet.note) == ("the input x", "black is 0, white is 255")
    assert [(line.label, len(line.cells)) for line in sheet.lines] == [("cat", 4), ("dog", 2)]
    assert [line.cells[0].picture.getpixel((9, 9)) for line in sheet.lines] == [(0, 0, 0), (255, 255, 255)]


def test_a_contact_sheet_says_that_it_leaves_classes_out():
    samples = Samples({"x": np.zeros((40, 8, 8), np.uint8)}, {"y": np.arange(40)})
    sheet = contact_sheet(samples, "x", {})

    assert sheet.note == "black is 0, white is 1; 12 of 40 classes"
    assert [line.label for line in sheet.lines[:2]] == ["y 0", "y 1"]


def test_without_classes_there_are_some_lines_of_the_first_samples():
    colours = Samples({"x": np.random.default_rng(0).normal(size=(57, 8, 8, 3))}, {"y": np.zeros(57)})
    sheet = contact_sheet(colours, "x", {})

    assert [(line.label, len(line.cells)) for line in sheet.lines] == [("", 10)] * 4
    assert sheet.note.startswith("black is -")
