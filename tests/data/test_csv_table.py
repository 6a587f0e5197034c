from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kexp.data.csv_table import load
from kexp.errors import KexpError
from kexp.protocols import Site

FLOWERS = "length,width,colour,kind\n1.5,2,red,rose\n2.5,4,blue,iris\n3.5,6,red,rose\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, seed=0)


def write(site: Site, text: str, name: str = "t.csv") -> Path:
    path = site.folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(KexpError) as caught:
        call()
    return str(caught.value)


def test_feature_columns_are_stacked_as_float32_and_text_targets_stay_text(site: Site) -> None:
    path = write(site, FLOWERS)
    table = load(site, path="t.csv", target="kind", ignore=("colour",))
    samples = table.parts["all"]
    assert {name: array.tolist() for name, array in samples.inputs.items()} == {
        "features": [[1.5, 2.0], [2.5, 4.0], [3.5, 6.0]]
    }
    assert samples.inputs["features"].dtype == np.float32
    assert samples.targets["kind"].tolist() == ["rose", "iris", "rose"]
    assert table.files == (path,)
    assert table.columns == {"features": ("length", "width")}


def test_columns_that_the_spec_names_become_inputs_of_their_own(site: Site) -> None:
    write(site, FLOWERS)
    named = Site(site.folder, seed=0, columns=("colour", "length"))
    samples = load(named, path="t.csv", target="kind").parts["all"]
    assert {name: array.tolist() for name, array in samples.inputs.items()} == {
        "colour": [["red"], ["blue"], ["red"]],
        "length": [[1.5], [2.5], [3.5]],
    }


def test_whole_numbers_are_integer_targets_and_others_float32(site: Site) -> None:
    write(site, "a,rings,height\n1,3,0.5\n2,9000000000,2\n3,1,1\n")
    targets = load(site, path="t.csv", target=("rings", "height")).parts["all"].targets
    assert {name: (array.dtype.name, array.tolist()) for name, array in targets.items()} == {
        "rings": ("int64", [3, 9000000000, 1]),
        "height": ("float32", [0.5, 2.0, 1.0]),
    }


def test_without_a_header_columns_have_numbers_from_0(site: Site) -> None:
    write(site, "1,2,0\n3,4,1\n")
    samples = load(site, path="t.csv", target=-1, header=False, ignore=(0,)).parts["all"]
    assert {name: array.tolist() for name, array in samples.inputs.items()} == {"features": [[2.0], [4.0]]}
    assert {name: array.tolist() for name, array in samples.targets.items()} == {"column_2": [0, 1]}


def test_one_file_per_split_gives_parts_with_one_dtype_per_target(site: Site) -> None:
    write(site, "a,b\n1,10\n2,20\n", "train.csv")
    write(site, "a,b\n3,30.5\n", "test.csv")
    parts = load(site, train="train.csv", test="test.csv", target="b").parts
    assert {name: part.targets["b"].tolist() for name, part in parts.items()} == {
        "train": [10.0, 20.0],
        "test": [30.5],
    }
    assert {part.targets["b"].dtype for part in parts.values()} == {np.dtype("float32")}


def test_files_with_other_columns_are_refused(site: Site) -> None:
    train, test = write(site, "a,b\n1,2\n", "train.csv"), write(site, "a,c\n1,2\n", "test.csv")
    assert refusal(lambda: load(site, train="train.csv", test="test.csv", target="b")) == (
        f"error[different-columns]: `{test}` has other columns than `{train}`\n  --> data"
    )


def test_a_column_of_weights_is_kept_apart(site: Site) -> None:
    write(site, "a,w,y\n1,0.5,0\n2,2,1\n")
    samples = load(site, path="t.csv", target="y", sample_weight="w").parts["all"]
    assert samples.weights is not None
    assert samples.weights.tolist() == [0.5, 2.0]
    assert samples.inputs["features"].tolist() == [[1.0], [2.0]]


# ---------------------------------------------------------------- missing values


GAPS = "a,b,c,y\n1,,x,0\nNA,5,NA,1\n3,NaN,z,0\n"


def test_missing_values_are_refused_all_columns_at_once(site: Site) -> None:
    path = write(site, GAPS)
    assert refusal(lambda: load(site, path="t.csv", target="y", ignore=("c",))) == (
        f"error[missing-value]: `a` has no value in 1 of 3 rows of `{path}`, first in line 3\n"
        "  --> data.missing\n"
        "help: say what stands there: `missing: {a: median}`, `mean` or a value\n\n"
        f"error[missing-value]: `b` has no value in 2 of 3 rows of `{path}`, first in line 2\n"
        "  --> data.missing\n"
        "help: say what stands there: `missing: {b: median}`, `mean` or a value"
    )


def test_statistics_wait_for_the_split_and_values_are_put_in_at_once(site: Site) -> None:
    write(site, GAPS)
    table = load(site, path="t.csv", target="y", ignore=("c",), missing={"a": -1, "b": "median"})
    features = table.parts["all"].inputs["features"]
    assert np.array_equal(features, np.array([[1, np.nan], [-1, 5], [3, np.nan]]), equal_nan=True)
    assert table.fills == {"features": {0: -1.0, 1: "median"}}


def test_a_text_column_takes_a_text_for_what_is_missing(site: Site) -> None:
    write(site, GAPS)
    named = Site(site.folder, seed=0, columns=("c", "b"))
    table = load(named, path="t.csv", target="y", missing={"c": "unknown", "b": "mean"})
    assert table.parts["all"].inputs["c"].tolist() == [["x"], ["unknown"], ["z"]]
    assert table.fills == {"c": {0: "unknown"}, "b": {0: "mean"}}
    assert table.columns == {}


def test_text_has_no_median(site: Site) -> None:
    write(site, GAPS)
    named = Site(site.folder, seed=0, columns=("c",))
    assert refusal(lambda: load(named, path="t.csv", target="y", missing={"c": "median"})) == (
        "error[wrong-fill]: a column of text has no median\n"
        "  --> data.missing.c\n"
        "help: write the text that stands for a missing value"
    )


def test_text_cannot_stand_among_numbers(site: Site) -> None:
    write(site, GAPS)
    assert refusal(lambda: load(site, path="t.csv", target="y", features=("a",), missing={"a": "none"})) == (
        "error[wrong-fill]: `none` cannot stand in a column of numbers\n"
        "  --> data.missing.a\n"
        "help: write a number, `median` or `mean`"
    )


def test_a_target_has_no_statistic(site: Site) -> None:
    write(site, GAPS)
    assert refusal(lambda: load(site, path="t.csv", target="a", features=("y",), missing={"a": "mean"})) == (
        "error[wrong-fill]: `mean` is for features; `a` is none\n  --> data.missing.a"
    )


# ---------------------------------------------------------------- mistakes in the spec


def test_an_unknown_column_is_answered_with_the_nearest(site: Site) -> None:
    write(site, FLOWERS)
    assert refusal(lambda: load(site, path="t.csv", target="kinds")) == (
        "error[unknown-column]: the data has no column `kinds`\n  --> data.target\nhelp: did you mean `kind`?"
    )


def test_an_unknown_column_with_no_likeness_is_answered_with_all(site: Site) -> None:
    write(site, FLOWERS)
    named = Site(site.folder, seed=0, columns=("length", "price"))
    assert refusal(lambda: load(named, path="t.csv", target="kind")) == (
        "error[unknown-column]: the data has no column `price`\n"
        "  --> model.inputs.price\n"
        "help: the columns are `length`, `width`, `colour`, `kind`"
    )


def test_a_number_for_a_column_needs_a_file_without_a_header(site: Site) -> None:
    write(site, FLOWERS)
    assert refusal(lambda: load(site, path="t.csv", target=3)) == (
        "error[unknown-column]: there is no column called `3`; columns have numbers only without a header\n"
        "  --> data.target\n"
        "help: write the name, or `header: false` if the first line holds data"
    )


def test_a_tsv_file_is_split_at_tabs(site: Site) -> None:
    write(site, "a\tb\n1\tx\n2\ty\n", "t.tsv")
    assert load(site, path="t.tsv", target="b").parts["all"].targets["b"][:].tolist() == ["x", "y"]


def test_a_table_with_nothing_left_to_learn_from_is_refused(site: Site) -> None:
    write(site, "a,b\n1,2\n")
    assert refusal(lambda: load(site, path="t.csv", target="b", ignore=("a",))) == (
        "error[no-features]: no column is left to learn from\n  --> data\nhelp: shorten `ignore` or `target`"
    )


def test_a_missing_file_is_answered_with_what_is_there(site: Site) -> None:
    write(site, FLOWERS, "flowers.csv")
    write(site, "", "notes.txt")
    assert refusal(lambda: load(site, path="data.csv", target="kind")) == (
        f"error[data-file-missing]: there is no file `{site.folder}/data.csv`\n"
        "  --> data.path\n"
        f"help: `{site.folder}` holds `flowers.csv`, `notes.txt`"
    )
    assert refusal(lambda: load(site, train="flower.csv", target="kind")) == (
        f"error[data-file-missing]: there is no file `{site.folder}/flower.csv`\n"
        "  --> data.train\n"
        "help: did you mean `flowers.csv`?"
    )
    assert refusal(lambda: load(site, path="gone/data.csv", target="kind")) == (
        f"error[data-file-missing]: there is no file `{site.folder}/gone/data.csv`\n"
        "  --> data.path\n"
        f"help: there is no folder `{site.folder}/gone` either"
    )


def test_a_file_for_all_and_one_for_a_split_exclude_each_other(site: Site) -> None:
    assert refusal(lambda: load(site, path="a.csv", test="b.csv", target="y")) == (
        "error[conflicting-options]: `path` and `test` are both given\n"
        "  --> data.test\n"
        "help: write `path` for one file, or `train`, `val` and `test` for files already split"
    )


def test_some_file_must_be_named(site: Site) -> None:
    assert refusal(lambda: load(site, test="b.csv", target="y")) == (
        "error[missing-option]: `data` names no file to train on\n  --> data\nhelp: add `path` or `train`"
    )


# ---------------------------------------------------------------- mistakes in the file


def test_text_among_stacked_features_is_named_with_a_way_out(site: Site) -> None:
    path = write(site, FLOWERS)
    assert refusal(lambda: load(site, path="t.csv", target="kind")) == (
        f"error[text-column]: `colour` holds text, such as `red` in line 2 of `{path}`;"
        " stacked features are numbers\n"
        "  --> data\n"
        "help: leave it out with `ignore: [colour]`, or name the columns to use under `model.inputs`"
    )


@pytest.mark.parametrize("field", ["1.5x", "inf", "1_000"])
def test_a_stray_value_among_numbers_is_named_with_its_line(site: Site, field: str) -> None:
    path = write(site, f'a,y\n"1",0\n\n2,1\n{field},0\n')
    assert refusal(lambda: load(site, path="t.csv", target="y")) == (
        f"error[not-a-number]: `a` is `{field}` in line 5 of `{path}`, not a finite number\n  --> data"
    )


def test_names_read_as_data_are_recognised(site: Site) -> None:
    path = write(site, "a,y\n1,0\n2,1\n")
    assert refusal(lambda: load(site, path="t.csv", target=1, header=False)) == (
        f"error[not-a-number]: `column_0` is `a` in line 1 of `{path}`, not a finite number\n"
        "  --> data\n"
        "help: if this line holds the names of the columns, leave out `header: false`\n\n"
        f"error[not-a-number]: `column_1` is `y` in line 1 of `{path}`, not a finite number\n"
        "  --> data\n"
        "help: if this line holds the names of the columns, leave out `header: false`"
    )


def test_a_ragged_row_is_named_by_its_line_in_the_file(site: Site) -> None:
    path = write(site, 'a,b\n"x\ny",1\n\n1,2,3\n')
    assert refusal(lambda: load(site, path="t.csv", target="b")) == (
        f"error[ragged-row]: line 5 of `{path}` has 3 fields; the first line has 2\n"
        "  --> data\n"
        "help: quote fields that contain the delimiter"
    )


@pytest.mark.parametrize(("mark", "shown"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_the_wrong_delimiter_is_answered_with_the_right_one(site: Site, mark: str, shown: str) -> None:
    path = write(site, f"a{mark}b\n1{mark}2\n")
    assert refusal(lambda: load(site, path="t.csv", target="b")) == (
        f"error[wrong-delimiter]: `{path}` has one column when split at `,`\n"
        "  --> data.delimiter\n"
        f'help: write `delimiter: "{shown}"`'
    )
    assert load(site, path="t.csv", target="b", delimiter=mark).parts["all"].targets["b"].tolist() == [2]


def test_a_delimiter_is_one_character(site: Site) -> None:
    write(site, FLOWERS)
    assert refusal(lambda: load(site, path="t.csv", target="kind", delimiter=", ")) == (
        "error[bad-delimiter]: a delimiter is one character, not `', '`\n  --> data.delimiter"
    )


def test_a_file_that_is_not_utf8_is_refused_at_its_line(site: Site) -> None:
    path = site.folder / "t.csv"
    path.write_bytes("a,y\n1,0\ncafé,1\n".encode("latin-1"))
    assert refusal(lambda: load(site, path="t.csv", target="y")) == (
        f"error[data-not-utf8]: line 3 of `{path}` is not UTF-8 text: invalid continuation byte at byte 11\n"
        "  --> data\n"
        "help: save the file as UTF-8"
    )


def test_a_byte_order_mark_is_no_part_of_the_first_name(site: Site) -> None:
    write(site, "\ufeffa,y\n1,0\n")
    assert load(site, path="t.csv", target="y", features=("a",)).parts["all"].targets["y"].tolist() == [0]


def test_two_columns_of_one_name_are_refused(site: Site) -> None:
    path = write(site, "a,a,y\n1,2,3\n")
    assert refusal(lambda: load(site, path="t.csv", target="y")) == (
        f"error[duplicate-column]: `{path}` has two columns `a`\n  --> data"
    )


@pytest.mark.parametrize(("text", "found"), [("", "is empty"), ("a,b\n", "has a header and no rows")])
def test_a_file_without_samples_is_refused(site: Site, text: str, found: str) -> None:
    path = write(site, text)
    assert refusal(lambda: load(site, path="t.csv", target="b")) == (
        f"error[no-samples]: `{path}` {found}\n  --> data"
    )


# ---------------------------------------------------------------- real files


def test_penguins_are_read_with_their_gaps_filled(real_data: Path) -> None:
    table = load(
        Site(real_data, seed=0),
        path="penguins.csv",
        target="species",
        ignore=("island", "sex", "year"),
        missing={
            name: "median" for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
        },
    )
    samples = table.parts["all"]
    assert samples.inputs["features"].shape == (344, 4)
    assert np.isnan(samples.inputs["features"]).sum(axis=0).tolist() == [2, 2, 2, 2]
    assert np.unique(samples.targets["species"]).tolist() == ["Adelie", "Chinstrap", "Gentoo"]
    assert table.fills == {"features": {0: "median", 1: "median", 2: "median", 3: "median"}}


def test_wine_is_read_without_a_header(real_data: Path) -> None:
    table = load(Site(real_data, seed=0), path="winequality-red.csv", target=11, header=False)
    samples = table.parts["all"]
    assert samples.inputs["features"].shape == (1599, 11)
    assert samples.targets["column_11"].dtype == np.int32
    assert np.unique(samples.targets["column_11"]).tolist() == [3, 4, 5, 6, 7, 8]


def test_messages_with_bare_quotes_are_read_whole(real_data: Path) -> None:
    site = Site(real_data, seed=0, columns=("column_1",))
    table = load(site, path="sms-spam.tsv", target=0, header=False, delimiter="\t", quoted=False)
    samples = table.parts["all"]
    assert np.unique(samples.targets["column_0"], return_counts=True)[1].tolist() == [4827, 747]
    assert samples.inputs["column_1"].shape == (5574, 1)


def test_bare_quotes_are_never_read_as_enclosing_ones_in_silence(real_data: Path) -> None:
    site = Site(real_data, seed=0, columns=("column_1",))
    assert refusal(lambda: load(site, path="sms-spam.tsv", target=0, header=False, delimiter="\t")) == (
        f"error[csv-unreadable]: line 283 of `{real_data}/sms-spam.tsv` is not CSV:"
        " '\\t' expected after '\"'\n"
        "  --> data\n"
        "help: write `quoted: false` if quotes are ordinary characters in this file"
    )
