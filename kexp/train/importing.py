"""Keras and its backend, imported once: with the collector off, and without what a run does not use.

What is left out comes when somebody asks for it.
"""

import gc
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_LATE_PACKAGES = ("jax", "pandas")
"""What Keras and TensorFlow import in case somebody hands them its arrays: 0.3 and 0.1 s."""

_LATE_MODULES = frozenset(
    {
        "keras.wrappers",  # brings scikit-learn and most of SciPy: 0.4 s
        "tensorflow._api.v2.compat.v1",  # names of TensorFlow 1: 300 modules
        "tensorflow._api.v2.compat.v2",
        "tensorflow._api.v2.test",  # with the three that follow, what tests of TensorFlow need: 0.1 s
        "tensorflow._api.v2.__internal__.test",
        "tensorflow._api.v2.__internal__.distribute.combinations",
        "tensorflow._api.v2.__internal__.distribute.multi_process_runner",
    }
)


def import_keras(backend: str) -> None:
    """Import Keras on its backend, which KERAS_BACKEND names."""
    finder = _LateFinder()
    sys.meta_path.insert(0, finder)
    gc.disable()  # importing makes no garbage worth finding, and looking for it takes a third of the time
    try:
        with _stood_in_for([name for name in _LATE_PACKAGES if name != backend]):
            importlib.import_module("keras")
    finally:
        sys.meta_path.remove(finder)
        gc.enable()
        gc.freeze()


# ---------------------------------------------------------------- packages


class Late:
    """A package, or a name in one, which is imported when it is called.

    Nothing is an instance of what was never imported.
    """

    def __init__(self, package: str, *names: str) -> None:
        self._package, self._names = package, names

    def __getattr__(self, name: str) -> "Late":
        if name.startswith("__"):
            raise AttributeError(name)
        return Late(self._package, *self._names, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        importlib.import_module(self._package)
        return self._real()(*args, **options)

    def __instancecheck__(self, instance: object) -> bool:
        return self._package in sys.modules and isinstance(instance, self._real())

    def _real(self) -> Any:
        found: Any = sys.modules[self._package]
        for name in self._names:
            found = getattr(found, name)
        return found


@contextmanager
def _stood_in_for(packages: Sequence[str]) -> Iterator[None]:
    """Let who imports these packages, where they are installed, have stand-ins."""
    given: dict[str, Any] = {}
    for name in packages:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            given[name] = Late(name)
            given[name].__spec__ = spec
    sys.modules.update(given)
    try:
        yield
    finally:
        for name, stand_in in given.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


# ---------------------------------------------------------------- modules


class _LateFinder:
    """Finds the modules that are executed when one of their names is asked for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _LATE_MODULES else None
        if spec is not None and spec.loader is not None:
            spec.loader = _LateLoader(spec.loader)
        return spec


class _LateLoader(Loader):
    """Leaves a module empty until a name is missed. `importlib.util.LazyLoader` would not do: it executes a
    module for its `__file__`, and `inspect` asks all modules for theirs."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        namespace = vars(module)

        def found(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            if namespace.pop("__getattr__", None) is not None:
                self.loader.exec_module(module)
            return getattr(module, name)

        namespace["__getattr__"] = found
