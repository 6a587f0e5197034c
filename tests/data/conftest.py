import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; a test that needs it is skipped where there is none."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("KEXP_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"there is no real data in {folder}; point KEXP_TEST_DATA at it")
    return folder
