import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexp.spec.formula import (
    FormulaError,
    NeverClosed,
    UnknownName,
    compute,
    escape,
    functions_in,
    has_formula,
    names_in,
    settle,
    stretches,
)

VALUES = {"units": 64, "rate": 0.5, "low": -2, "name": "relu", "sizes": [8, 16, 32]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$units", 64),
        ("$(units)", 64),
        ("$(units * 2)", 128),
        ("$( units // 3 )", 21),
        ("$(units / 2)", 32.0),
        ("$(2 ** low)", 0.25),
        ("$(-units % 10)", 6),
        ("$(sizes[-1])", 32),
        ("$(len(sizes))", 3),
        ("$(max(sizes[0], 4, 9))", 9),
        ("$(round(2.567, 1))", 2.6),
        ("$(abs(low))", 2),
        ("$(1 if units > 10 else 0)", 1),
        ("$(not units == 64)", False),
        ("$([units, 2])", [64, 2]),
        ("$name", "relu"),
        ("$(name + '6')", "relu6"),
        ("$sizes", [8, 16, 32]),
    ],
)
def test_a_whole_formula_keeps_its_type(text, value):
    found = compute(text, VALUES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("enc_$units", "enc_64"),
        ("enc_$(units + 1)_x", "enc_65_x"),
        ("$name$units", "relu64"),
        ("$$units", "$units"),
        ("costs 5$", "costs 5$"),
        ("$(units)$$", "64$"),
        ("", ""),
    ],
)
def test_inside_longer_text_a_value_is_inserted_as_text(text, value):
    assert compute(text, VALUES) == value


def test_a_value_may_have_the_name_of_a_python_keyword():
    assert compute("$lambda", {"lambda": 3}) == 3


def test_a_function_gets_the_names_of_tensors():
    functions = {"dim": lambda name, axis=-1: (name, axis)}
    assert compute("$(dim(x1))", {}, functions) == ("x1", -1)
    assert compute("$(dim(x1, 1 + 1))", {}, functions) == ("x1", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$width", "there is no value called `$width`"),
        ("$(units // 0)", "division by zero"),
        ("$(units", "`$(` is never closed"),
        ("$(units *)", "`units *` is not arithmetic: invalid syntax"),
        ("$(units.real)", "`units.real` is not allowed in `$(…)`"),
        ("$(sizes[0:1])", "`0:1` is not allowed in `$(…)`"),
        ("$(lambda: 3)", "`lambda: 3` is not allowed in `$(…)`"),
        ("$([i for i in sizes])", "`[i for i in sizes]` is not allowed in `$(…)`"),
        ("$(1 < 2 < 3)", "`1 < 2 < 3` is not allowed in `$(…)`"),
        ("$(open('x'))", "there is no function `open` in `$(…)`"),
        ("$(sizes[9])", "list index out of range"),
        ("$(name * 999999999)", "this arithmetic takes only numbers"),
        ("$('%999999999d' % 1)", "this arithmetic takes only numbers"),
        ("$(sizes * 999999999)", "this arithmetic takes only numbers"),
        ("$(10 ** 9999)", "the exponent is too large"),
        ("$(9 ** 99)", "the result is too large"),
        ("$(10.0 ** 999)", "the result is too large"),
        ("$(round(5, -999999999))", "the exponent is too large"),
        ("$((-1) ** 0.5)", "the result is not a real number"),
        (f"$({'-' * 2000}1)", "the formula is nested too deeply"),
    ],
)
def test_a_formula_outside_arithmetic_is_refused_with_a_sentence(text, message):
    with pytest.raises(FormulaError) as error:
        compute(text, VALUES)
    assert str(error.value) == message


def test_an_unknown_name_and_an_open_bracket_are_told_apart():
    with pytest.raises(UnknownName) as error:
        compute("$width", {})
    assert error.value.name == "width"
    with pytest.raises(NeverClosed):
        compute("$(width", {})


def test_the_names_of_values_are_known_before_computing():
    text = "$(a + dim(x, b + 1) + max(c, 1)) $d $$e"
    assert names_in(text) == {"a", "b", "c", "d"}
    assert functions_in(text) == {"dim"}


def test_a_text_is_split_into_literal_stretches_and_formulas():
    found = stretches("a$$_$i and $(n + 1)")
    assert [part if isinstance(part, str) else ast.unparse(part) for part in found] == [
        "a$_",
        "i",
        " and ",
        "n + 1",
    ]
    assert stretches("") == [""]


def test_a_text_without_a_dollar_has_no_formula():
    assert (has_formula("64"), has_formula("$units"), has_formula("$$")) == (False, True, True)


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("$(units * num_classes)", "$(64 * num_classes)"),
        ("$(low ** num_classes)", "$((-2) ** num_classes)"),
        ("$(sizes[0] + dim(units))", "$([8, 16, 32][0] + dim(units))"),
        ("$num_classes of $$ $name", "$(num_classes) of $$ $('relu')"),
    ],
)
def test_known_values_are_put_in_where_others_must_wait(text, settled):
    assert settle(text, VALUES) == settled


@given(st.text(), st.dictionaries(st.just("x"), st.integers()))
@settings(deadline=None)
def test_an_escaped_text_computes_to_itself(text, values):
    assert compute(escape(text), values) == text


@given(st.text(alphabet="$()[]abx_ 129+-*/%.,'<>=", max_size=30))
@settings(deadline=None)
def test_any_formula_gives_a_value_or_a_sentence(text):
    values = {"a": 3, "b": -1.5, "x": [1, 2]}
    try:
        value = compute(text, values)
    except FormulaError as error:
        assert str(error)
    else:
        assert isinstance(value, (bool, int, float, str, list))


@given(
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.sampled_from(["a - b * 2", "-a - b", "(a + b) * a", "a // (b + 20)"]),
)
@settings(deadline=None)
def test_settling_some_values_first_changes_no_result(a, b, formula):
    text = f"$({formula})"
    assert compute(settle(text, {"a": a}), {"b": b}) == compute(text, {"a": a, "b": b})
