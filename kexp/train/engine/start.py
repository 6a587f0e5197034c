"""A choice -> the engine that executes it."""

import keras

from kexp.train.engine.choice import Choice
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Engine, Kind, Supply
from kexp.train.engine.resident import Resident, Shelf
from kexp.train.engine.segments import Segmented, Segments
from kexp.train.engine.single import Single
from kexp.train.engine.streamed import Streamed
from kexp.train.engine.tempo import Tempo


def start(
    choice: Choice,
    model: keras.Model,
    feeds: tuple[Feed, Feed | None],
    shelf: Shelf | None,
    stops_at_nan: bool,
) -> Engine:
    """Return an engine for a compiled model, over its training and its validation split.

    `stops_at_nan` ends a segment with the step whose loss is not finite. Single steps need no shelf.
    """
    train, validation = feeds
    if choice.mode == "single" or shelf is None:
        return Single(model, train, validation)

    def segments(feed: Feed, kind: Kind) -> Segments:
        stays = choice.mode == "resident" and (shelf.backend.gathers or feed.is_in_order)
        supply: Supply = Resident(feed, shelf) if stays else Streamed(feed, shelf.backend)
        loop = shelf.backend.loop(model, kind, stops_at_nan and kind == "train", feed.augmentation)
        return Segments(supply, loop, feed.steps, Tempo(choice.segment_steps))

    return Segmented(
        model, segments(train, "train"), None if validation is None else segments(validation, "test")
    )
