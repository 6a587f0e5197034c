from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from fakes import FakeDisplay, machine

from kexp.document import load_document, parse_document
from kexp.spec.parse import parse_experiment

if TYPE_CHECKING:
    from kexp.train.order import Result

Train = Callable[..., "Result"]


@pytest.fixture
def display() -> FakeDisplay:
    return FakeDisplay()


@pytest.fixture
def train(tmp_path: Path, display: FakeDisplay) -> Train:
    """Train a spec's text, or a spec in a file, into `tmp_path/runs`."""
    ready = machine()

    def trained(spec: str | Path, **more: Any) -> "Result":
        from kexp.train.loop import train as train_now
        from kexp.train.order import Order

        if isinstance(spec, Path):
            document = load_document(spec)
        else:
            document = parse_document(spec.encode(), "spec.yaml", tmp_path)
        order = Order(
            parse_experiment(document),
            document.source.text.encode(),
            document.folder,
            tmp_path / "runs",
            ready,
            ("kexp", "train", "spec.yaml"),
            {"KERAS_HOME": "/somewhere", "SECRET": "hidden"},
            datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC),
            perf_counter(),
            **more,
        )
        return train_now(order, display)

    return trained
