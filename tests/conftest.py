"""What all tests share: golden files, and the modules beside this one."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

Golden = Callable[[str, Path], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the files that texts are compared with"
    )


@pytest.fixture(scope="session", autouse=True)
def key_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the key that vouches for the tests' runs away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEXP_CONFIG", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a file, or rewrite the file under `--update-golden`."""
    update = request.config.getoption("--update-golden")

    def compare(text: str, path: Path) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run once with --update-golden, and read what it holds"
        assert path.read_text(encoding="utf-8") == text

    return compare


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; a test that needs it is skipped where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KEXP_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"there is no real data in {folder}; point KEXP_TEST_DATA at it")
    return folder
