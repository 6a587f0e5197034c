"""A few thousand changed texts and files; `python -m tests.hostile.fuzz` goes on for as long as wished."""

import time

import pytest

from hostile.fuzz import Fault, Target, fuzz, targets, tried
from hostile.tables import tables
from kexp.errors import SpecError

ROUNDS = 120


def test_readers_refuse_or_return_whatever_they_are_given(tmp_path):
    chosen = [*targets(tmp_path), *tables(tmp_path)]
    cases = ROUNDS * sum(target.share for target in chosen)
    done, faults = fuzz(chosen, seed=0, cases=cases, seconds=60)

    assert faults == []
    assert len(done) == len(chosen)


def target(read):
    return Target("one", [b"sample"], lambda random, target: b"changed", read)


def refuse(data):
    raise SpecError


def fail(data):
    raise KeyError(data)


def linger(data):
    began = time.process_time()
    while time.process_time() - began < 1.1:
        pass


def test_a_refusal_is_no_fault():
    assert tried(target(refuse), b"") is None


@pytest.mark.parametrize(("read", "reason"), [(fail, "KeyError: b'x'"), (linger, "took 1.1 s")])
def test_an_error_and_a_long_wait_are_faults(read, reason):
    fault = tried(target(read), b"x")

    assert isinstance(fault, Fault)
    assert (fault.target, fault.data, fault.reason.splitlines()[-1]) == ("one", b"x", reason)


def test_the_same_seed_tries_the_same(tmp_path):
    seen = []
    chosen = [
        Target("one", [b"sample text"], each.change, seen.append, ("a",))
        for each in list(targets(tmp_path))[2:3]
    ]
    fuzz(chosen, seed=7, cases=20, seconds=60)
    fuzz(chosen, seed=7, cases=20, seconds=60)

    assert seen[:20] == seen[20:]
    assert len(set(seen)) > 10
