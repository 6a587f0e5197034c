from kexp.spec.labels import Labels
from kexp.spec.types import Component, Step


def test_names_of_turns_are_not_given_to_others() -> None:
    labels = Labels()
    steps = [
        Step(Component("Dense", "layers"), gives=("re_lu",), repeat=2),
        Step(Component("ReLU", "layers")),
    ]
    labels.reserve("", steps)
    assert labels.fresh("", steps[1], [""]) == "re_lu"
    assert labels.fresh("", steps[1], [""]) == "re_lu_2"
