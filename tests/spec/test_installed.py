import sys

import pytest

from kexp.spec.installed import catalogue_mismatch


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let only one Keras be installed, or none."""

    def install(version: str | None) -> None:
        if version is not None:
            folder = tmp_path / f"keras-{version}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: keras\nVersion: {version}\n")
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

    return install


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.15.1", None),
        (
            "3.14.0",
            "names and arguments are checked by those of Keras 3.15.1, and Keras 3.14.0 is installed",
        ),
        (None, "names and arguments are checked by those of Keras 3.15.1, and no Keras is installed"),
    ],
)
def test_another_keras_than_the_catalogue_knows_is_said(installed, version, expected):
    installed(version)
    assert catalogue_mismatch() == expected
