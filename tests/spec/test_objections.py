import pytest

from kexp.spec.catalogue import catalogue
from kexp.spec.objections import Objection, doubt_of, object_to
from kexp.spec.type_notation import parse_type
from kexp.spec.types import Component, Formula, Graph

DENSE = Component("Dense", "layers", {"units": 3})


def objection(text, value):
    return object_to("it", value, parse_type(text), catalogue())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("int[1,)", [1, 64, Formula("$n"), Component("code.py:f", "layers")]),
        ("float[0,1]", [0, 1, 0.5]),
        ("decimal", [1.0, 1e-3]),
        ("bool", [True, False, 0, 1]),
        ("text | null", ["", "a", None]),
        ("word(valid, same)", ["valid", "same"]),
        ("anycase(valid, same)", ["valid", "SAME"]),
        ("dtype", ["float32", "mixed_float16", "int8_from_float32"]),
        ("@activations", ["relu", "log_softmax", Component("ReLU", "layers")]),
        ("@initializers", ["zeros", "Zeros", "he_normal", Component("VarianceScaling", "initializers")]),
        ("@layers", [DENSE, Graph(())]),
        ("int | list(int; 2)", [3, (3, 4), (Formula("$n"), 4)]),
        ("list(int | null)", [(), (None, 3)]),
        ("map(float)", [{}, {"a": 1}]),
        ("any", [None, 3, "a", (), {}]),
    ],
)
def test_a_type_lets_pass_what_it_allows(text, values):
    assert [objection(text, value) for value in values] == [None] * len(values)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (
            "int[1,)",
            "64",
            (
                "wrong-type",
                '`it` must be a whole number of at least 1, found the text "64"',
                "remove the quotes",
            ),
        ),
        ("int[1,)", 6.4, ("wrong-type", "`it` must be a whole number of at least 1, found `6.4`")),
        (
            "int[1,)",
            8.0,
            (
                "wrong-type",
                "`it` must be a whole number of at least 1, found `8.0`",
                "write `8`; in a formula, divide by `//`",
            ),
        ),
        ("int[1,)", True, ("wrong-type", "`it` must be a whole number of at least 1, found `true`")),
        ("int[1,)", None, ("wrong-type", "`it` must be a whole number of at least 1, found nothing")),
        (
            "int[1,)",
            DENSE,
            ("wrong-type", "`it` must be a whole number of at least 1, found the object `Dense`"),
        ),
        ("int[1,)", 0, ("out-of-range", "`it` must be at least 1, found `0`")),
        ("float[0,1)", 1.5, ("out-of-range", "`it` must be at least 0 and less than 1, found `1.5`")),
        (
            "decimal",
            1,
            ("wrong-type", "`it` must be a number with a decimal point, found `1`", "write `1.0`"),
        ),
        ("bool", 3, ("wrong-type", "`it` must be `true` or `false`, found `3`")),
        (
            "bool",
            "true",
            ("wrong-type", '`it` must be `true` or `false`, found the text "true"', "remove the quotes"),
        ),
        (
            "word(valid, same)",
            "smae",
            ("wrong-choice", "`it` must be one of `valid`, `same`, found `smae`", "did you mean `same`?"),
        ),
        (
            "word(valid, same)",
            "SAME",
            ("wrong-choice", "`it` must be one of `valid`, `same`, found `SAME`", "did you mean `same`?"),
        ),
        ("word(valid, same)", 3, ("wrong-type", "`it` must be one of `valid`, `same`, found `3`")),
        (
            "dtype",
            "flot32",
            (
                "wrong-choice",
                "`it` must be a dtype such as `float32`, found `flot32`",
                "did you mean `float32`?",
            ),
        ),
        (
            "@activations",
            "rleu",
            ("unknown-activation", "there is no activation `rleu`", "did you mean `relu`?"),
        ),
        (
            "@optimizers",
            "addam",
            ("unknown-optimizer", "there is no optimizer `addam`", "did you mean `adam`?"),
        ),
        (
            "@layers",
            "dense",
            ("wrong-type", '`it` must be a layer, found the text "dense"', "did you mean `Dense`?"),
        ),
        (
            "float | @schedules",
            "fast",
            (
                "wrong-type",
                '`it` must be a number or a learning-rate schedule, found the text "fast"',
                "it may be `CosineDecay`, `CosineDecayRestarts`, `ExponentialDecay`, `InverseTimeDecay`, "
                "`PiecewiseConstantDecay`, `PolynomialDecay`",
            ),
        ),
        (
            "list(int[1,) | null) | null",
            32,
            (
                "wrong-type",
                "`it` must be a list (each a whole number of at least 1 or `null`) or `null`, found `32`",
                "write `[32]`",
            ),
        ),
        (
            "list(int; 2)",
            3,
            ("wrong-type", "`it` must be a list of 2 items (each a whole number), found `3`"),
        ),
        (
            "word(epoch) | int",
            "epochs",
            (
                "wrong-choice",
                "`it` must be `epoch` or a whole number, found `epochs`",
                "did you mean `epoch`?",
            ),
        ),
        ("text", (), ("wrong-type", "`it` must be text, found a list")),
        ("text", {"a": 1}, ("wrong-type", "`it` must be text, found a map")),
        ("text", Graph(()), ("wrong-type", "`it` must be text, found a graph")),
    ],
)
def test_a_type_says_why_it_refuses_a_value(text, value, expected):
    assert objection(text, value) == Objection(*expected)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (
            "int[1,) | list(int[1,); 2)",
            (3, 0),
            Objection("out-of-range", "`it[1]` must be at least 1, found `0`", way=(1,)),
        ),
        (
            "list(list(int; 2))",
            ((1, 2), (3, "a")),
            Objection("wrong-type", '`it[1][1]` must be a whole number, found the text "a"', way=(1, 1)),
        ),
        (
            "map(float)",
            {"a": 1, "b": None},
            Objection("wrong-type", "`it.b` must be a number, found nothing", way=("b",)),
        ),
        ("list(int; 2)", (1,), Objection("wrong-length", "`it` must have 2 items, found 1")),
        ("list(int; 1)", (), Objection("wrong-length", "`it` must have 1 item, found 0")),
        ("list(int; 1..2)", (1, 2, 3), Objection("wrong-length", "`it` must have 1 to 2 items, found 3")),
        ("list(int; 2..)", (1,), Objection("wrong-length", "`it` must have at least 2 items, found 1")),
    ],
)
def test_a_fault_in_a_list_or_map_is_found_at_its_item(text, value, expected):
    assert objection(text, value) == expected


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("float[0,1]~[0,1)", 1.0, "`it` is usually at least 0 and less than 1, found `1.0`"),
        ("decimal~(0,) | @schedules", -0.1, "`it` is usually greater than 0, found `-0.1`"),
        ("float~(0,)", 0.5, None),
        ("float~(0,)", Formula("$x"), None),
        ("float", -5, None),
    ],
)
def test_an_unusual_number_is_doubted(text, value, expected):
    found = doubt_of("it", value, parse_type(text))
    assert found == (Objection("unusual-value", expected) if expected else None)
