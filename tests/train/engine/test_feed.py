import numpy as np
from fakes import KERAS

from kexp.data.lazy import Mapped
from kexp.data.order import epoch_order

pytestmark = KERAS


def feed(*parts, **options):
    from kexp.train.engine.feed import Feed

    return Feed(parts, **options)


def batches(feed, epoch):
    from kexp.train.engine.interface import Leg
    from kexp.train.engine.single import Batches

    made = Batches(feed)
    made.begin(Leg(epoch))
    return [made[step] for step in range(len(made))]


def test_every_epoch_visits_all_rows_in_the_order_of_seed_and_epoch():
    rows = feed(np.arange(25), batch_size=10, seed=5, shuffle=True)

    seen = [np.concatenate([x for (x,) in batches(rows, epoch)]).tolist() for epoch in (2, 0)]
    assert seen == [epoch_order(5, epoch, 25, True).tolist() for epoch in (2, 0)]


def test_steps_per_epoch_go_on_through_pass_after_pass():
    rows = feed(np.arange(25), batch_size=10, seed=5, shuffle=True, steps_per_epoch=2)

    seen = [row for epoch in range(3) for (x,) in batches(rows, epoch) for row in x.tolist()]
    assert seen == [*epoch_order(5, 0, 25, True).tolist(), *epoch_order(5, 1, 25, True).tolist()]


def test_rows_in_their_own_order_need_no_numbers():
    schedule = feed(np.arange(25), batch_size=10).schedule(3)

    assert schedule.rows is None
    assert schedule.bounds.tolist() == [0, 10, 20, 25]
    assert schedule.rows_of(1, 3) == slice(10, 25)


def test_batches_keep_the_structure_of_inputs_and_labels():
    parts = ((np.arange(5), np.arange(5) * 2), {"a": np.arange(5) * 3}, np.ones(5))
    (left, right), labels, weights = batches(feed(*parts, batch_size=2), 0)[2]

    assert (left.tolist(), right.tolist(), labels["a"].tolist(), weights.tolist()) == ([4], [8], [12], [1.0])


def test_a_column_that_is_read_when_asked_for_is_not_in_memory():
    images = Mapped(np.zeros((4, 2), np.uint8))
    labels = np.zeros(4, np.int64)

    assert (feed(labels, batch_size=2).is_in_memory, feed(images, labels, batch_size=2).is_in_memory) == (
        True,
        False,
    )
    assert feed(images, labels, batch_size=2).size_bytes == 8 + 32
