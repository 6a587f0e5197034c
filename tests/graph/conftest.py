from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes import experiment, machine

from kexp.protocols import DataInfo

if TYPE_CHECKING:
    from kexp.graph.assemble import Assembly

Build = Callable[..., "Assembly"]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Assemble a model from the text of its graph and the shapes of its data; code is in `tmp_path`."""
    machine()

    def assembled(model: str, data: DataInfo, folder: Path = tmp_path, **more: Any) -> "Assembly":
        from kexp.graph.assemble import assemble

        return assemble(experiment(model, **more), data, folder)

    return assembled
