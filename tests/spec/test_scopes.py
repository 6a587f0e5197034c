import pytest

from kexp.spec.formula import FormulaError
from kexp.spec.scopes import Bound, Scope, View
from kexp.spec.statics import Given, NotStatic, formulas_in, static_value
from kexp.spec.types import Component, Formula


def test_a_view_keeps_what_a_name_meant():
    scope = Scope("")
    scope.give("x", "first")
    before = scope.view()
    scope.give("x", "second")
    scope.give("y", "third")

    assert dict(before.names) == {"x": "first"}
    assert dict(scope.view("above").names) == {"x": "second", "y": "third"}
    assert scope.view("above").names["prev"] == "above"
    assert before.names.get("prev") is None
    assert len(before.names) == 1


def test_a_turn_sees_the_names_around_it_and_its_own_first():
    scope = Scope("")
    scope.give("x", "outer")
    scope.give("y", "outer_y")
    turn = scope.turn("t_0_", {"i": 0})
    turn.give("x", "inner")

    assert [turn.tensor("x"), turn.tensor("y"), scope.tensor("x")] == ["inner", "outer_y", "outer"]
    assert turn.known_tensors() == ["x", "y"]
    assert (turn.prefix, dict(turn.values)) == ("t_0_", {"i": 0})


def test_after_a_turn_its_names_mean_its_tensors():
    scope = Scope("")
    views = []
    for number in range(3):
        turn = scope.turn(f"t_{number}_", {"i": number})
        turn.give("x", f"x{number}")
        turn.layers["x"] = f"t_{number}_x"
        views.append(turn.view())
        scope.keep(turn)

    assert [view.names["x"] for view in views] == ["x0", "x1", "x2"]
    assert (scope.tensor("x"), scope.layer("x")) == ("x2", "t_2_x")


def test_what_a_turn_gives_to_the_scope_around_is_seen_at_once():
    scope = Scope("")
    turn = scope.turn("t_0_", {"i": 0})
    scope.give("enc_0", "a")
    scope.keep(turn)

    assert scope.view().names["enc_0"] == "a"
    assert scope.turn("t_1_", {"i": 1}).view().names["enc_0"] == "a"


def test_layers_and_names_below_are_found_through_the_scopes():
    scope = Scope("", later={"z"})
    scope.layers["code"] = "left_code"
    turn = scope.turn("t_", {})

    assert turn.layer("code") == "left_code"
    assert turn.layer("other") is None
    assert turn.known_layers() == ["code"]
    assert [turn.comes_later(name) for name in "zy"] == [True, False]


def test_an_argument_is_computed_in_the_view_of_its_caller():
    caller = View({}, {"n": 4})
    block = View({}, {"n": Bound(Formula("$(n * 2)"), caller)})

    assert static_value(Formula("$(n + 1)"), block) == 9
    assert static_value((1, Formula("$n")), block) == [1, 8]


def test_the_values_of_a_block_are_computed_as_far_as_they_are_known():
    view = View({}, {"n": 4})
    waiting = Formula("$(dim(x) * n)")
    given = Given({"a": 1, "b": "relu", "c": None}, {"a": Formula("$(n * 2)"), "c": waiting}, view)

    assert dict(given) == {"a": 8, "b": Bound("relu", view), "c": Bound(waiting, view)}
    assert len(given) == 3


def test_a_value_of_the_data_is_not_known_yet():
    for text in ("$num_classes", "$(dim(x))"):
        with pytest.raises(NotStatic):
            static_value(Formula(text), View({"x": "x"}))
    with pytest.raises(FormulaError):
        static_value(Formula("$(1 / n)"), View({}, {"n": 0}))


def test_formulas_are_found_at_any_depth():
    inner = Component("L2", "regularizers", {"l2": Formula("$b")})
    layer = Component(
        "Dense", "layers", {"units": Formula("$a"), "kernel_regularizer": inner, "k": (1, Formula("$c"))}
    )
    assert [formula.text for formula in formulas_in(layer)] == ["$a", "$b", "$c"]
