"""Packages that only some experiments need, each behind an extra of kexp."""

from importlib.util import find_spec

from kexp.errors import MissingExtra


def require(package: str, extra: str, who: str, path: str) -> None:
    """Refuse to go on without an optional package; `path` is the key of the spec that needs it.

    Raises: missing-extra.
    """
    if find_spec(package) is None:
        raise MissingExtra.because(
            "missing-extra",
            f"{who} needs the package `{package}`, which is not installed",
            path=path,
            help=f"`pip install 'kexp[{extra}]'`",
        )
