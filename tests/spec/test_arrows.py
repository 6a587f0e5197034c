import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexp.spec.arrows import Arrow, ArrowError, Part, parse_arrow
from kexp.spec.types import Operands

LAYERS = ("Dense", "ReLU", "Add", "LSTM", "MultiHeadAttention", "reuse", "model", "code.py:Pool")


def arrow(key):
    return parse_arrow(key, LAYERS.__contains__)


def test_a_bare_layer_takes_the_step_above():
    assert arrow("Dense") == Arrow(Part("Dense", 0), Operands(), (), None)


def test_every_part_knows_its_place_in_the_key():
    assert arrow("title ->  Dense -> words, _") == Arrow(
        Part("Dense", 10), Operands(("title",)), (Part("words", 19), Part("_", 26)), None
    )


def test_blanks_around_an_arrow_are_optional():
    assert arrow("a,b->Add->c") == Arrow(Part("Add", 5), Operands(("a", "b")), (Part("c", 10),), None)


@pytest.mark.parametrize(
    ("key", "takes", "gives"),
    [
        ("x -> Dense", ("x",), []),
        ("Dense -> x", (), ["x"]),
        ("hidden -> Dens", ("hidden",), []),
        ("Dens -> hidden", (), ["hidden"]),
        ("code.py:Pool -> x", (), ["x"]),
        ("left -> model", ("left",), []),
    ],
)
def test_with_one_arrow_the_side_that_is_a_layer_is_the_what(key, takes, gives):
    found = arrow(key)
    assert (found.takes, [part.text for part in found.gives]) == (Operands(takes), gives)


@pytest.mark.parametrize(
    ("inputs", "takes"),
    [
        ("a", Operands(("a",))),
        ("a, b", Operands(("a", "b"))),
        ("[a, b], mask", Operands((("a", "b"), "mask"))),
        ("[a, null, [b]]", Operands((("a", None, ("b",)),))),
        ("x, initial_state=[h, c]", Operands(("x",), {"initial_state": ("h", "c")})),
        ("mask = valid", Operands((), {"mask": "valid"})),
        ("null, a", Operands((None, "a"))),
    ],
)
def test_inputs_are_positions_lists_gaps_and_keywords(inputs, takes):
    assert arrow(f"{inputs} -> LSTM").takes == takes


def test_a_layer_may_have_a_name_of_its_own():
    found = arrow("left -> model -> tower(gist, mood)")
    assert (found.layer_name, found.gives) == ("tower", (Part("gist", 23), Part("mood", 29)))


@pytest.mark.parametrize(
    ("key", "id", "message", "marked", "help"),
    [
        ("Dense => x", "arrow-spelling", "`=>` is not an arrow of this language", "=>", "write `Dense -> x`"),
        (
            "a → Dense -> b",
            "arrow-spelling",
            "`→` is not an arrow of this language",
            "→",
            "write `a -> Dense -> b`",
        ),
        (
            "Dense -> ReLU",
            "arrow-what",
            "both `Dense` and `ReLU` are layers; a step has one",
            "ReLU",
            "give the second a step of its own, or choose a name that is no layer",
        ),
        ("a -> b", "arrow-what", "neither `a` nor `b` is a layer", "a -> b", None),
        (
            "a -> Dense -> b -> c",
            "arrow-count",
            "a step has at most two arrows: `inputs -> what -> names`",
            "c",
            "split it into several steps",
        ),
        ("a, -> Add", "arrow-name", "a name is missing here", "a", None),
        (
            "a b -> Add",
            "arrow-name",
            "`a b` is not a name: letters, digits and `_`",
            "a b",
            "several names are separated by commas: `a, b`",
        ),
        (
            "a.b -> Add",
            "arrow-name",
            "`a.b` is not a name: letters, digits and `_`",
            "a.b",
            "name the tensor with `expr` first",
        ),
        (
            "Dense -> null",
            "arrow-name",
            "`null` is a word of the language and cannot be a name",
            "null",
            None,
        ),
        (
            "[a, b -> Add",
            "arrow-brackets",
            "the brackets in `[a, b -> Add` do not match",
            "[a, b -> Add",
            None,
        ),
        ("m=a, m=b -> LSTM", "arrow-argument-twice", "`m` is given twice", "m=b", None),
        (
            "m=a, b -> LSTM",
            "arrow-order",
            "positions come before keywords",
            "b",
            "put it before the first `argument=name`",
        ),
    ],
)
def test_a_key_that_cannot_be_read_is_marked_at_the_guilty_part(key, id, message, marked, help):
    with pytest.raises(ArrowError) as error:
        arrow(key)
    fault = error.value
    shown = key[fault.part.start : fault.part.start + fault.part.length]
    assert (fault.id, fault.message, fault.help) == (id, message, help)
    assert shown == marked or fault.part.text == ""


@given(
    st.text(alphabet="aDense[](),=->→ _0.", max_size=30)
    | st.integers(1, 500).map(lambda n: "[" * n + "a" + "]" * n + "->Add")
)
@settings(deadline=None)
def test_any_key_gives_an_arrow_or_a_part_to_mark(key):
    try:
        found = arrow(key)
    except ArrowError as error:
        assert error.message
        assert 0 <= error.part.start <= len(key)
    else:
        for part in (found.what, *found.gives):
            assert key[part.start : part.start + len(part.text)] == part.text
