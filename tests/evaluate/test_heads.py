"""How a model's numbers become labels and shares; measuring is tested with training."""

import numpy as np
import pytest
from fakes import KERAS, machine

pytestmark = KERAS


@pytest.fixture
def head():
    machine()
    from kexp.evaluate import Head

    return Head


SHARES = np.array([[0.25, 0.75], [1.0, 0.0]])


def test_classes_are_told_by_name_and_with_their_shares(head):
    kind = head("kind", "classes", ("cat", "dog"))

    assert kind.columns(SHARES, proba=False) == [("kind", ["dog", "cat"])]
    assert kind.columns(SHARES, proba=True) == [
        ("kind", ["dog", "cat"]),
        ("kind.cat", [0.25, 1.0]),
        ("kind.dog", [0.75, 0.0]),
    ]


def test_classes_without_names_are_told_by_number(head):
    assert head("kind", "classes").columns(SHARES, proba=False) == [("kind", [1, 0])]


def test_logits_become_shares(head):
    logits = np.log(np.array([[1.0, 3.0]])) + 1000
    columns = dict(head("kind", "classes", from_logits=True).columns(logits, proba=True))

    assert columns["kind"] == [1]
    np.testing.assert_allclose([columns["kind.0"][0], columns["kind.1"][0]], [0.25, 0.75])


@pytest.mark.parametrize(
    ("threshold", "from_logits", "values", "shares"),
    [(0.5, False, [0.2, 0.5, 0.9], [0.2, 0.5, 0.9]), (0.0, True, [-1.0, 0.0, 1.0], [0.26894, 0.5, 0.73106])],
)
def test_two_classes_part_at_the_threshold(head, threshold, from_logits, values, shares):
    sick = head("sick", "binary", ("no", "yes"), threshold, from_logits)
    columns = dict(sick.columns(np.array(values)[:, None], proba=True))

    assert list(columns) == ["sick", "sick.yes"]
    assert columns["sick"] == ["no", "no", "yes"]
    np.testing.assert_allclose(columns["sick.yes"], shares, atol=1e-5)


def test_values_are_told_as_they_are_one_column_each(head):
    price = head("price", "values")

    assert price.columns(np.array([[1.5], [2.0]]), proba=True) == [("price", [1.5, 2.0])]
    assert price.columns(np.array([1.5, 2.0]), proba=False) == [("price", [1.5, 2.0])]
    assert price.columns(np.array([[[1.0, 2.0]], [[3.0, 4.0]]]), proba=False) == [
        ("price.0", [1.0, 3.0]),
        ("price.1", [2.0, 4.0]),
    ]
