"""How `preprocess` and `augment` are read and printed, and what their names mean."""

from pathlib import Path

import pytest

from kexp.document import parse_document
from kexp.spec.canonical import canonical, identity
from kexp.spec.parse import parse_experiment
from kexp.spec.pipelines import augmented_names, column_places, columns_taken
from kexp.spec.references import custom_names, weight_files
from kexp.spec.types import Component, Pipeline

SPEC = """\
data: {data}
{sections}
model: {model}
train: {{optimizer: adam, loss: mse}}
"""


def read(sections="", data="{source: csv, path: d.csv, target: y}", model="{layers: [{Dense: 1}]}"):
    text = SPEC.format(data=data, sections=sections, model=model)
    return parse_experiment(parse_document(text.encode(), "spec.yaml", Path()))


LOOKUP = Component("StringLookup", "layers")
CROSSING = Component("HashedCrossing", "layers", {"num_bins": 64})


@pytest.mark.parametrize(
    ("written", "pipeline"),
    [
        ("StringLookup", Pipeline((LOOKUP,))),
        ("[StringLookup]", Pipeline((LOOKUP,))),
        ("{HashedCrossing: 64}", Pipeline((CROSSING,))),
        ("[{HashedCrossing: 64}, StringLookup]", Pipeline((CROSSING, LOOKUP))),
        ("{from: city, layers: StringLookup}", Pipeline((LOOKUP,), ("city",))),
        ("{from: [age, city], layers: [{HashedCrossing: 64}]}", Pipeline((CROSSING,), ("age", "city"))),
        ('"own.py:clean"', Pipeline((Component("own.py:clean", "layers"),))),
        ('{"own.py:Clean": {keep: 3}}', Pipeline((Component("own.py:Clean", "layers", {"keep": 3}),))),
    ],
)
def test_an_entry_is_a_layer_a_list_of_them_or_a_map(written, pipeline):
    assert read(f"preprocess: {{x: {written}}}").preprocess == {"x": pipeline}


def test_names_of_columns_are_never_objects():
    experiment = read("preprocess: {Age: Normalization}\naugment: {Photo: RandomFlip}")

    assert list(experiment.preprocess) == ["Age"]
    assert list(experiment.augment) == ["Photo"]


SECTIONS = """\
preprocess:
  Age: Normalization
  city: {StringLookup: {output_mode: one_hot}}
  text: [{Rescaling: {scale: 2}}, 'own.py:clean']
  place: {from: [age, city], layers: {HashedCrossing: {num_bins: 64}}}
  other: {from: 'petal length (cm)', layers: [Flatten, Normalization]}
augment:
  image, mask: [RandomFlip, {RandomRotation: {factor: 0.1}}]
"""


def test_both_sections_are_printed_as_they_are_read():
    experiment = read(SECTIONS)
    printed = canonical(experiment)
    again = parse_experiment(parse_document(printed.encode(), "spec.yaml", Path()))

    start = printed.index("preprocess:")
    assert printed[start : printed.index("model:")] == SECTIONS.replace(
        "'petal length (cm)'", "petal length (cm)"
    )
    assert (again.preprocess, again.augment) == (experiment.preprocess, experiment.augment)
    resolved = canonical(experiment, defaults=True)
    assert (
        canonical(parse_experiment(parse_document(resolved.encode(), "s", Path())), defaults=True) == resolved
    )


def test_both_sections_belong_to_what_is_trained():
    plain, prepared, augmented = (
        identity(read(text)) for text in ("", "preprocess: {a: Flatten}", "augment: {a: RandomFlip}")
    )
    assert len({plain, prepared, augmented}) == 3


def test_code_and_vocabularies_in_them_are_files_of_the_experiment():
    experiment = read(
        'preprocess: {city: [{StringLookup: {vocabulary: cities.txt}}, "own.py:f"]}\n'
        'augment: {x: "noise.py:Noise"}',
        model="{layers: [{IntegerLookup: {vocabulary: ids.txt}}, {Dense: 1}]}",
    )
    assert custom_names(experiment) == ["own.py:f", "noise.py:Noise"]
    assert weight_files(experiment) == ["ids.txt", "cities.txt"]


def test_the_names_of_a_key_of_augment():
    assert augmented_names("image ,  mask") == ("image", "mask")


# ---------------------------------------------------------------- columns


def test_an_entry_is_made_of_columns_through_other_entries_too():
    preprocess = read(
        "preprocess:\n"
        "  decade: {from: age, layers: {Discretization: {num_bins: 8}}}\n"
        "  city: StringLookup\n"
        "  place: {from: [decade, city, street], layers: {HashedCrossing: 64}}\n"
    ).preprocess
    assert columns_taken("place", preprocess) == ("age", "city", "street")
    assert columns_taken("city", preprocess) == ("city",)


@pytest.mark.parametrize(
    ("data", "sections", "model", "places"),
    [
        (
            "{source: csv, path: d, target: y}",
            "",
            "{inputs: {a: [1]}, layers: [{Dense: 1}]}",
            {"a": "model.inputs.a"},
        ),
        (
            "{source: csv, path: d, target: y}",
            "preprocess: {b: {from: [a, c], layers: [Concatenate]}, d: Flatten}",
            "{inputs: {b: [2], e: {from: long name}}, layers: ['b, e -> Concatenate']}",
            {
                "long name": "model.inputs.e",
                "a": "preprocess.b",
                "c": "preprocess.b",
                "d": "preprocess.d",
            },
        ),
        (
            "{source: csv, path: d, target: y}",
            "preprocess: {y: Normalization, a: Normalization}",
            "{layers: [{Dense: 1}]}",
            {"a": "preprocess.a"},
        ),
        (
            "{source: csv, path: d, target: [4, y], header: false}",
            "preprocess: {column_4: Normalization}",
            "{layers: [{Dense: 1}]}",
            {},
        ),
        (
            "{source: sklearn, dataset: diabetes}",
            "preprocess: {target: Normalization, bmi: Normalization}",
            "{layers: [{Dense: 1}]}",
            {"bmi": "preprocess.bmi"},
        ),
    ],
)
def test_the_data_is_asked_for_the_columns_that_are_named(data, sections, model, places):
    assert column_places(read(sections, data, model)) == places
