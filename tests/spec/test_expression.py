import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexp.spec.catalogue import catalogue
from kexp.spec.expression import ExpressionError, compute_expression, parse_expression
from kexp.spec.types import Expr

OPERATIONS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "greater": operator.gt,
    "equal": operator.eq,
    "negative": operator.neg,
    "maximum": max,
    "sum": lambda x, axis=None: ("sum", x, axis),
}


NO_ATTRIBUTES = "there are no attributes here: write `sum(x, axis=-1)` for `x.sum(axis=-1)`"
WALRUS = "name the value in a step of its own: `expr -> name: …`"
SYNTAX = "an expression is arithmetic, slices and functions of `keras.ops`"


def names(text):
    return parse_expression(text, catalogue().operations).names


def computed(text, **tensors):
    parse_expression(text, catalogue().operations)
    return compute_expression(text, tensors, OPERATIONS.__getitem__)


def faults(text):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, catalogue().operations)
    error = caught.value
    return error.id, text[error.start : error.start + error.length], error.help


def test_an_expression_names_each_tensor_once_in_order():
    assert names("x[:, 0] * sigmoid(gate) + shift - x") == ("x", "gate", "shift")


def test_names_of_functions_and_arguments_are_no_tensors():
    assert names("sum(sum, axis=-1) + reshape(axis, (-1, 8))") == ("sum", "axis")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x + 2 * y", 14),
        ("-x", -4),
        ("+x", 4),
        ("x > y", False),
        ("x == 4", True),
        ("maximum(x, y) - 1", 4),
        ("sum(x, axis=2 - 3)", ("sum", 4, -1)),
        ("table[1]", 20),
        ("table[0:2]", [10, 20]),
        ("table[-1]", 30),
        ("  x  ", 4),
    ],
)
def test_an_expression_is_computed_by_operations(text, value):
    assert computed(text, x=4, y=5, table=[10, 20, 30]) == value


def test_a_single_name_is_an_alias():
    assert Expr("x", ("x",)).is_name
    assert parse_expression(" enc_$i ", catalogue().operations).is_name
    assert not parse_expression("-x", catalogue().operations).is_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x * $gain", ("x",)),
        ("x * $(gain / 2)", ("x",)),
        ("enc_$i + enc_$(2 - i)", ("enc_$i", "enc_$(2 - i)")),
        ("reshape(x, (-1, $(dim(x) * 2)))", ("x",)),
        ("einsum('$how', x, y)", ("x", "y")),
    ],
)
def test_values_may_stand_in_an_expression_and_in_its_names(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("größe.mean()", ("expr-forbidden", "größe.mean", NO_ATTRIBUTES)),
        ("größe + rleu(x)", ("expr-unknown-function", "rleu", "did you mean `relu`?")),
        ("x + $gain + y.T", ("expr-forbidden", "y.T", NO_ATTRIBUTES)),
        (
            "  (x := y)",
            ("expr-forbidden", "x := y", "name the value in a step of its own: `expr -> name: …`"),
        ),
        ("x +", ("expr-syntax", "+", SYNTAX)),
        ("", ("expr-syntax", "", SYNTAX)),
        ("b'x' + x", ("expr-forbidden", "b'x'", None)),
        ("x + 1j", ("expr-forbidden", "1j", None)),
        ("await x", ("expr-forbidden", "await x", None)),
        ("relu(*x)", ("expr-forbidden", "*x", "write the arguments one by one")),
        ("(lambda: x)()", ("expr-forbidden", "lambda: x", "use a custom function: `x -> file.py:function`")),
        ("x is y", ("expr-forbidden", "x is y", None)),
    ],
)
def test_anything_else_is_marked_where_it_stands(text, expected):
    assert faults(text) == expected


def test_an_endless_expression_is_refused():
    text = " + ".join(["x"] * 5000)
    assert faults(text) == ("expr-syntax", text, "make it several steps")
    assert faults("(" * 500 + "x" + ")" * 500)[0] == "expr-syntax"


@given(st.text(st.sampled_from("xy$(){}[]:.,+-*/<>=!'\"\\ \n1ß_lambdfor"), max_size=25))
def test_any_text_is_an_expression_or_a_fault_inside_it(text):
    try:
        parse_expression(text, catalogue().operations)
    except ExpressionError as error:
        assert 0 <= error.start <= error.start + error.length <= max(len(text), 1)
