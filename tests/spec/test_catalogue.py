import json
from importlib import resources

from kexp.spec.argument_types import Number, Range, Type
from kexp.spec.catalogue import (
    NAMESPACES,
    Catalogue,
    Doc,
    Param,
    Signature,
    catalogue,
    docs,
)

SMALL = Catalogue(
    {
        "keras": "3.15.1",
        "namespaces": {
            "layers": {
                "Dense": {
                    "params": [["units", "int[1,)"], ["activation", "@activations | null", None]],
                    "call": [["inputs", "any"]],
                },
                "Linear": {"alias": "Dense"},
            },
            "losses": {"Hinge": {"params": []}},
        },
        "identifiers": {"losses": ["hinge"]},
    }
)
UNITS = Param("units", True, takes="int[1,)")
DENSE = Signature(
    "Dense",
    "layers",
    (UNITS, Param("activation", False, takes="@activations | null")),
    (Param("inputs", True),),
)


def test_a_signature_knows_parameters_types_and_defaults():
    assert SMALL.signature("layers", "Dense") == DENSE
    assert DENSE.param("units") == UNITS
    assert UNITS.type == Type((Number("whole", Range(1)),))
    assert DENSE.param("unit") is None
    assert str(DENSE) == "Dense(units, activation=None)"


def test_an_alias_leads_to_the_canonical_name():
    assert SMALL.signature("layers", "Linear") == DENSE


def test_a_name_is_looked_up_in_several_namespaces():
    assert SMALL.find("Hinge", ("layers", "losses")) == Signature("Hinge", "losses", ())
    assert SMALL.find("Zebra", ("layers", "losses")) is None


def test_identifiers_are_the_strings_that_keras_accepts():
    assert SMALL.identifiers("losses") == ["hinge"]
    assert SMALL.identifiers("layers") == []


def test_the_checked_in_catalogue_has_every_namespace():
    assert catalogue().keras_version == "3.15.1"
    assert all(catalogue().names(namespace) for namespace in NAMESPACES)
    assert "adam" in catalogue().identifiers("optimizers")


def test_every_entry_of_the_checked_in_catalogue_is_a_signature():
    content = json.loads(resources.files("kexp.spec").joinpath("catalogue.json").read_bytes())
    for namespace, entries in content["namespaces"].items():
        for name in entries:
            signature = catalogue().signature(namespace, name)
            assert signature is not None
            assert len({param.name for param in signature.params}) == len(signature.params)


def test_every_object_of_the_catalogue_has_a_paragraph_and_every_argument_a_line():
    known = catalogue()
    names = {
        (namespace, known.signature(namespace, name).name)
        for namespace in NAMESPACES
        for name in known.names(namespace)
    }
    assert set(docs()) == names
    for key, doc in docs().items():
        assert doc.text
        assert [*doc.arguments] == [param.name for param in known.signature(*key).params]
        assert all(0 < len(line) <= 202 and "\n" not in line for line in doc.arguments.values())


def test_docs_are_sentences_in_the_words_of_yaml():
    dropout = docs()["layers", "SpatialDropout1D"]
    assert dropout == Doc(
        "Spatial 1D version of Dropout.",
        {
            "rate": "Float between 0 and 1. Fraction of the input units to drop.",
            "seed": "The seed of the random numbers; kexp gives one by the layer's name.",
            "name": "The object's name.",
            "dtype": 'The dtype of the computations and weights, or a policy such as "mixed_float16".',
        },
        {
            "inputs": "A 3D tensor.",
            "training": "Python boolean indicating whether the layer should behave in training mode "
            "(applying dropout) or in inference mode (pass-through).",
        },
    )
