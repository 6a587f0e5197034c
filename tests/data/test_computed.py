"""Columns computed from others."""

import numpy as np

from kexp.data.computed import Computed
from kexp.data.lazy import in_memory
from kexp.protocols import TensorInfo

AGES, CITIES = np.arange(6.0), np.array(list("abcabc"))
BOTH = TensorInfo("both", (2,), "float32")


def both(given):
    return np.stack([given["age"] * 2, given["city"] == "a"], axis=1).astype(np.float32)


def column(ages=AGES, settings="by two"):
    return Computed({"age": ages, "city": CITIES}, both, BOTH, settings)


def test_rows_are_computed_when_they_are_asked_for():
    np.testing.assert_array_equal(column()[np.array([3, 1])], [[6, 1], [2, 0]])
    assert (column().shape, column().dtype, column().nbytes) == ((6, 2), np.float32, 48)


def test_few_rows_are_computed_at_a_time(monkeypatch):
    whole = in_memory(column())
    monkeypatch.setattr("kexp.data.computed.CHUNK_BYTES", 40)
    sizes = []

    def counting(given):
        sizes.append(len(given["age"]))
        return both(given)

    parts = Computed({"age": AGES, "city": CITIES}, counting, BOTH, None)
    np.testing.assert_array_equal(parts[:], whole)
    assert sizes == [2, 2, 2]


def test_a_digest_follows_the_rows_the_sources_and_the_settings():
    rows = np.arange(4)
    digests = [
        column().digest(rows),
        column().digest(rows[::-1]),
        column(ages=AGES + 1).digest(rows),
        column(settings="by three").digest(rows),
    ]
    assert len(set(digests)) == 4
    assert column().digest(rows) == digests[0]


def test_without_settings_a_digest_follows_what_is_computed():
    rows = np.arange(4)
    assert column(settings=None).digest(rows) == column(settings=None).digest(rows)
    assert column(settings=None).digest(rows) != column(AGES + 1, None).digest(rows)
