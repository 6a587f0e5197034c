from datetime import UTC, datetime, timedelta, timezone

import pytest

from kexp.record.runid import RunId, random_tail, slug

NOON = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


def test_an_id_reads_back():
    assert str(RunId(NOON, "fashion-cnn", "k3f7")) == "20261123-120001-fashion-cnn-k3f7"
    assert RunId.parse("20261123-120001-fashion-cnn-k3f7") == RunId(NOON, "fashion-cnn", "k3f7")


def test_an_id_is_in_universal_time():
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert str(RunId(tokyo, "a", "0000")) == "20261123-120001-a-0000"


@pytest.mark.parametrize("text", ["my-run", "20261323-120001-a-0000", "20261123-120001-a-000", ""])
def test_other_names_are_not_ids(text):
    assert RunId.parse(text) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Fashion CNN", "fashion-cnn"),
        ("  ../Ärger--2 ", "arger-2"),
        ("漢字", "run"),
        ("", "run"),
        ("a" * 47 + " bc", "a" * 47),
    ],
)
def test_names_are_slugged(name, expected):
    assert slug(name) == expected


def test_tails_are_four_letters_or_digits():
    assert all(RunId.parse(f"20261123-120001-a-{random_tail()}") for _ in range(100))
