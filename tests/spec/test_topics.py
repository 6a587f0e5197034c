"""What can be asked about, and what is answered."""

import dataclasses

import pytest
from explained import completed, faults_in

from kexp.spec import types
from kexp.spec.catalogue import NAMESPACES, catalogue
from kexp.spec.explanations.page import Example, Page, Row
from kexp.spec.explanations.samples import sample
from kexp.spec.explanations.topics import all_names, find, groups
from kexp.spec.explanations.words import words
from kexp.spec.schema.docs import key_doc
from kexp.spec.spellings import SIBLINGS
from kexp.spec.values import KNOWN_FUNCTIONS, KNOWN_VALUES


def names_of(asked: str) -> list[tuple[str, str]]:
    return [(page.name, page.kind) for page in find(asked)]


@pytest.mark.parametrize(
    ("asked", "pages"),
    [
        ("Dense", [("Dense", "layer")]),
        ("dense", [("Dense", "layer")]),
        ("Convolution2D", [("Conv2D", "layer")]),
        ("adam", [("Adam", "optimizer")]),
        ("mse", [("MeanSquaredError", "loss"), ("MeanSquaredError", "metric")]),
        ("categorical_hinge", [("CategoricalHinge", "loss"), ("CategoricalHinge", "metric")]),
        ("acc", [("accuracy", "word of a spec")]),
        ("Identity", [("Identity", "layer"), ("Identity", "initializer")]),
        ("keras.initializers:Identity", [("Identity", "initializer")]),
        ("CosineDecay", [("CosineDecay", "learning-rate schedule")]),
        ("csv", [("csv", "data source")]),
        ("gelu", [("gelu", "activation")]),
        ("einsum", [("einsum", "function")]),
        ("train.epochs", [("train.epochs", "key of a spec")]),
        ("train.stages[0].epochs", [("train.stages.epochs", "key of a spec")]),
        ("repeat", [("step.repeat", "key of a step")]),
        ("inputs", [("model.inputs", "key of a spec"), ("blocks.inputs", "key of a spec")]),
        ("$num_classes", [("num_classes", "word of a spec")]),
        ("Dense.units", [("Dense.units", "argument of a layer")]),
        ("model.layers[3].Dense.units", [("Dense.units", "argument of a layer")]),
        ("error[yaml-tab]", [("yaml-tab", "The text of a spec")]),
        ("`yaml-tab`", [("yaml-tab", "The text of a spec")]),
        ("perceptron", []),
        ("", []),
    ],
)
def test_a_name_finds_its_pages(asked, pages):
    assert names_of(asked) == pages


def test_a_key_that_stands_in_several_places_is_explained_where_it_is_outermost():
    (page,) = find("epochs")

    assert (page.name, page.see) == ("train.epochs", ("train.stages.epochs",))


def test_a_key_that_takes_objects_names_them():
    (page,) = find("data.source")

    assert page.see == tuple(catalogue().names("sources"))


def test_every_name_that_is_listed_is_found():
    assert [name for name in sorted(all_names()) if not find(name)] == []
    assert {name for names in groups().values() for name in names} <= all_names()


def test_an_argument_says_what_it_takes():
    (page,) = find("Dense.units")

    assert page == Page(
        "Dense.units",
        "argument of a layer",
        "Positive integer, dimensionality of the output space.",
        (Example("yaml", "- Dense: {units: 64}"),),
        Row("units", "a whole number of at least 1", True, None, page.text),
    )


def test_every_key_of_the_language_is_a_word():
    documented = {
        (cls.__name__, field.name)
        for cls in vars(types).values()
        if isinstance(cls, type) and dataclasses.is_dataclass(cls)
        for field in dataclasses.fields(cls)
        if key_doc(cls, field.name) is not None
    }
    rows = [page.takes.text for page in words().values() if page.takes is not None]

    assert {key_doc(getattr(types, cls), field) for cls, field in documented} == set(rows)


def test_what_stands_in_steps_and_values_is_a_word():
    known = {name.rpartition(".")[2] for name in words()}

    in_steps = (*SIBLINGS, "reuse", "model", "layers", "expr", "prev", "input")
    assert {*in_steps, *KNOWN_VALUES, *KNOWN_FUNCTIONS} <= known


def in_a_spec(namespace: str, line: str) -> str:
    """Return a spec in which the line stands at its place."""
    match namespace:
        case "layers" | "applications":
            names = line.removeprefix("- ").partition(" -> ")[0].split(", ") if " -> " in line else ["x"]
            inputs = ", ".join(f"{name}: [8, 8, 3]" for name in names)
            step = line.replace("\n", "\n    ")
            return completed(f"model:\n  inputs: {{{inputs}}}\n  layers:\n    {step}\n    - Dense: 1")
        case "optimizers":
            return completed(f"train:\n  loss: mse\n  {line}")
        case "losses":
            return completed(f"train:\n  optimizer: adam\n  {line}")
        case "schedules":
            return completed(f"train:\n  loss: mse\n  optimizer:\n    SGD:\n      {line}")
        case "metrics" | "callbacks":
            return completed(
                f"data: {{source: npz, path: d.npz, split: {{val: 0.1}}}}\n"
                f"train:\n  loss: mse\n  optimizer: adam\n  {line}"
            )
        case "sources":
            return completed(line)
    return completed(f"model:\n  layers:\n    - Dense:\n        units: 1\n        {line}")


OBJECTS = [(namespace, name) for namespace in NAMESPACES for name in catalogue().names(namespace)]
REFUSED = {"BackupAndRestore": ["callback-refused"]}


@pytest.mark.parametrize(("namespace", "name"), OBJECTS)
def test_the_sample_of_an_object_is_right(namespace, name, tmp_path):
    signature = catalogue().signature(namespace, name)
    spec = tmp_path / "spec.yaml"
    spec.write_text(in_a_spec(namespace, sample(signature)))

    assert faults_in(spec) == REFUSED.get(name, [])


@pytest.mark.parametrize(
    ("asked", "pages"),
    [
        ("keras.layers.Dense", [("Dense", "layer")]),
        ("tf.keras.optimizers.Adam", [("Adam", "optimizer")]),
        ("keras.ops.sigmoid", [("sigmoid", "function")]),
    ],
)
def test_a_name_of_keras_may_be_asked_for_with_its_module(asked, pages):
    assert names_of(asked) == pages


def test_a_map_that_is_read_by_its_own_rules_is_called_a_map():
    kinds = [words()[name].takes.type for name in ("expect", "model.inputs", "tags")]
    assert kinds == ["a map", "a list of names or a map", "a list of names"]
