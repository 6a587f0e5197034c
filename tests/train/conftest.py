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
def train(trainer: Callable[..., Train], tmp_path: Path, display: FakeDisplay) -> Train:
    """Train a spec's text, or a spec in a file, into `tmp_path/runs`."""
    return trainer(tmp_path, display)


@pytest.fixture(scope="session")
def trainer() -> Callable[..., Train]:
    """Return what trains into the `runs` of a folder."""
    ready = machine()

    def made(folder: Path, display: FakeDisplay) -> Train:
        def trained(spec: str | Path, **more: Any) -> "Result":
            from kexp.train.loop import train as train_now
            from kexp.train.order import Order

            if isinstance(spec, Path):
                document = load_document(spec)
            else:
                document = parse_document(spec.encode(), "spec.yaml", folder)
            order = Order(
                parse_experiment(document),
                document.source.text.encode(),
                document.folder,
                folder / "runs",
                ready,
                ("kexp", "train", "spec.yaml"),
                {"KERAS_HOME": "/somewhere", "SECRET": "hidden"},
                datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC),
                perf_counter(),
                **more,
            )
            return train_now(order, display)

        return trained

    return made
