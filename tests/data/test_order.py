import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kexp.data.order import batch_indices, epoch_order, steps_order

sizes = st.integers(1, 60)
batch_sizes = st.integers(1, 70)
seeds = st.integers(0, 2**64)


def test_the_order_of_an_epoch_never_changes_between_releases() -> None:
    assert epoch_order(42, 0, 8, shuffle=True).tolist() == [3, 1, 7, 2, 4, 5, 0, 6]
    assert epoch_order(42, 1, 8, shuffle=True).tolist() == [2, 7, 1, 0, 5, 3, 6, 4]


def test_without_shuffling_the_order_is_that_of_the_file() -> None:
    assert epoch_order(42, 3, 5, shuffle=False).tolist() == [0, 1, 2, 3, 4]


@given(seeds, st.integers(0, 10**6), sizes)
def test_every_epoch_visits_every_sample_once(seed: int, epoch: int, size: int) -> None:
    order = epoch_order(seed, epoch, size, shuffle=True)
    assert sorted(order.tolist()) == list(range(size))
    assert order.dtype == np.int64
    assert order.tolist() == epoch_order(seed, epoch, size, shuffle=True).tolist()


def test_epochs_and_seeds_give_different_orders() -> None:
    orders = {tuple(epoch_order(s, e, 50, shuffle=True).tolist()) for s in range(5) for e in range(5)}
    assert len(orders) == 25


def test_the_last_batch_may_be_partial() -> None:
    assert [batch.tolist() for batch in batch_indices(np.arange(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_batches_may_begin_inside_an_epoch() -> None:
    assert [batch.tolist() for batch in batch_indices(np.arange(7), 3, first_batch=2)] == [[6]]


def test_steps_go_on_into_the_next_pass_without_a_batch_that_mixes_two() -> None:
    steps = steps_order(0, 1, 4, batch_size=2, size=3, shuffle=False)
    assert [batch.tolist() for batch in steps] == [[2], [0, 1], [2], [0, 1]]


@given(seeds, st.integers(0, 30), st.integers(0, 20), batch_sizes, sizes)
def test_steps_from_any_point_are_the_steps_of_the_whole(
    seed: int, first: int, count: int, batch_size: int, size: int
) -> None:
    per_pass = math.ceil(size / batch_size)
    whole = [
        batch.tolist()
        for number in range((first + count) // per_pass + 1)
        for batch in batch_indices(epoch_order(seed, number, size, shuffle=True), batch_size)
    ]
    steps = steps_order(seed, first, count, batch_size, size, shuffle=True)
    assert [batch.tolist() for batch in steps] == whole[first : first + count]
