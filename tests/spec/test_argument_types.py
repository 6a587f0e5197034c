import pytest

from kexp.spec.argument_types import (
    Anything,
    Choice,
    DType,
    Flag,
    ListOf,
    MapOf,
    Number,
    ObjectOf,
    Range,
    Text,
    Type,
)
from kexp.spec.catalogue import NAMESPACES, catalogue
from kexp.spec.type_notation import parse_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int[1,)", Type((Number("whole", Range(1)),))),
        ("float(0,1]", Type((Number("any", Range(0, 1, open_below=True)),))),
        ("float[0,1]~[0,1)", Type((Number("any", Range(0, 1), Range(0, 1, open_above=True)),))),
        ("float~(,0.5)", Type((Number("any", Range(), Range(None, 0.5, open_above=True)),))),
        ("decimal | @schedules", Type((Number("decimal"), ObjectOf("schedules")))),
        ("bool | word(auto)", Type((Flag(), Choice(("auto",))))),
        ("anycase(valid, same)", Type((Choice(("valid", "same"), any_case=True),))),
        ("dtype | null", Type((DType(),), nullable=True)),
        ("list(int[1,); 2)", Type((ListOf(Type((Number("whole", Range(1)),)), 2, 2),))),
        ("list(text; 1..3)", Type((ListOf(Type((Text(),)), 1, 3),))),
        ("list(text; 2..)", Type((ListOf(Type((Text(),)), 2),))),
        ("list(int | null) | null", Type((ListOf(Type((Number("whole"),), True)),), True)),
        ("map(float)", Type((MapOf(Type((Number(),))),))),
        ("any", Type((Anything(),), nullable=True)),
    ],
)
def test_a_type_is_read_as_the_catalogue_writes_it(text, expected):
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int[1,)", "a whole number of at least 1"),
        ("float(0,1]", "a number greater than 0 and at most 1"),
        ("float(,5)", "a number less than 5"),
        ("float", "a number"),
        ("int[2,) | int[0,0] | null", "a whole number of at least 2, `0` or `null`"),
        ("decimal | @schedules", "a number with a decimal point or a learning-rate schedule"),
        ("bool", "`true` or `false`"),
        ("word(valid, same)", "one of `valid`, `same`"),
        ("word(auto)", "`auto`"),
        ("int[1,) | list(int[1,); 2)", "a whole number of at least 1 or a list of 2 of them"),
        ("@layers | list(@layers)", "a layer or a list of them"),
        ("list(float; 2)", "a list of 2 items (each a number)"),
        ("list(float; 2..)", "a list of at least 2 items (each a number)"),
        ("list(any)", "a list"),
        ("map(float) | null", "a map (each value a number) or `null`"),
        ("dtype | map(any)", "a dtype such as `float32` or a map"),
        ("text | null", "text or `null`"),
        ("any", "anything or `null`"),
    ],
)
def test_a_type_reads_as_a_phrase(text, expected):
    assert str(parse_type(text)) == expected


def test_what_is_no_type_is_not_read():
    with pytest.raises(ValueError, match="no type is written `int of 3`"):
        parse_type("int of 3")


@pytest.mark.parametrize(
    ("range", "inside", "outside"),
    [
        (Range(), [-1e9, 0, 1e9], []),
        (Range(1), [1, 2.5], [0, 0.999]),
        (Range(0, 1, open_below=True, open_above=True), [0.5], [0, 1, -1, 2]),
        (Range(None, 5), [-9, 5], [5.001]),
    ],
)
def test_a_range_holds_the_numbers_between_its_ends(range, inside, outside):
    assert [n in range for n in (*inside, *outside)] == [True] * len(inside) + [False] * len(outside)


def test_every_type_of_the_catalogue_can_be_read():
    known = catalogue()
    signatures = [
        known.signature(namespace, name) for namespace in NAMESPACES for name in known.names(namespace)
    ]
    params = [param for signature in signatures for param in signature.params]
    assert all(str(param.type) for param in params)
    assert sum(param.type.is_anything for param in params) / len(params) < 0.05
