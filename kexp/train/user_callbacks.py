"""The spec's callbacks, with the files they write kept inside the run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.construct import Context, construct
from kexp.record.rundir import RunDir
from kexp.spec.types import Component

_PATH_OPTIONS = ("filepath", "filename", "log_dir")
_DEFAULT_PATHS = {"TensorBoard": {"log_dir": "logs"}}
"""By callback: Keras's own defaults, which are relative to the working directory."""


def user_callbacks(components: Sequence[Component], context: Context, run: RunDir) -> list[Any]:
    """Construct the spec's callbacks.

    Raises: SpecError (callback-path and those of construction).
    """
    return [construct(_inside(component, run), context) for component in components]


def _inside(component: Component, run: RunDir) -> Component:
    options = {**_DEFAULT_PATHS.get(component.name, {}), **(component.options or {})}
    for name in _PATH_OPTIONS:
        value = options.get(name)
        if not isinstance(value, str):
            continue
        if PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts:
            raise SpecError(
                Diagnostic(
                    "callback-path",
                    f"`{value}` leads out of the run directory, where a run's files belong",
                    component.path,
                    component.span,
                    help=f"write a plain name such as `{Path(value).name}`",
                )
            )
        options[name] = str(run.path / value)
    return replace(component, options=options) if options else component
