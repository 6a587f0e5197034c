import sys

import pytest

from kexp.diagnostics import render
from kexp.spec.installed import catalogue_mismatch


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let only one Keras be installed, or none."""

    def install(version: str | None) -> None:
        if version is not None:
            folder = tmp_path / f"keras-{version}.dist-info"
            folder.mkdir()
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

    return install


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "3.14.0",
            "warning[another-keras]: names and arguments are checked by those of Keras 3.15.1, and Keras"
            " 3.14.0 is installed\nhelp: install Keras 3.15.1, or the kexp that knows Keras 3.14.0",
        ),
        (
            None,
            "warning[another-keras]: names and arguments are checked by those of Keras 3.15.1, and no Keras"
            " is installed\nhelp: pip install keras",
        ),
    ],
)
def test_another_keras_than_the_catalogue_knows_is_said(installed, version, expected):
    installed(version)
    found = catalogue_mismatch()
    assert found is not None
    assert render([found]) == expected


def test_the_keras_of_the_catalogue_is_the_installed_one():
    assert catalogue_mismatch() is None
