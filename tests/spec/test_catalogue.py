import json
from importlib import resources

from kexp.spec.catalogue import NAMESPACES, Catalogue, Param, Signature, catalogue

SMALL = Catalogue(
    {
        "keras": "3.15.1",
        "namespaces": {
            "layers": {
                "Dense": {
                    "params": [["units"], ["activation", None]],
                    "call": [["inputs"]],
                    "doc": "A dense layer.",
                },
                "Linear": {"alias": "Dense"},
            },
            "losses": {"Hinge": {"params": []}},
        },
        "identifiers": {"losses": ["hinge"]},
    }
)
DENSE = Signature(
    "Dense",
    "layers",
    (Param("units", True), Param("activation", False)),
    (Param("inputs", True),),
    "A dense layer.",
)


def test_a_signature_knows_parameters_defaults_and_one_line_of_doc():
    assert SMALL.signature("layers", "Dense") == DENSE
    assert DENSE.param("units") == Param("units", True)
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
