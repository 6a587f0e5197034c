"""Objects that the user wrote, named `file.py:Name` or `package.module:Name`."""

import hashlib
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean

_NOT_THE_USERS = (Path(__file__).resolve().parent, Path(sysconfig.get_path("stdlib")).resolve())


def load_object(reference: str, folder: Path) -> object:
    """Import the object that `reference` names; files and modules are looked for in `folder`.

    Raises: custom-module-missing, custom-name-missing, custom-import-failed.
    """
    source, _, name = reference.rpartition(":")
    module = _load_file(folder, source) if source.endswith(".py") else _load_module(folder, source)
    if not hasattr(module, name):
        known = [n for n in vars(module) if not n.startswith("_")]
        fault = Diagnostic(
            "custom-name-missing", f"`{source}` defines no `{name}`", help=did_you_mean(name, known)
        )
        raise SpecError(fault)
    return getattr(module, name)


def user_traceback(error: BaseException, folder: Path) -> str:
    """Return the traceback of `error` without frames of kexp, Python and installed packages."""
    root = folder.resolve()
    frames = [
        traceback.FrameSummary(_shown(frame.filename, root), frame.lineno, frame.name, line=frame.line)
        for frame in traceback.extract_tb(error.__traceback__)
        if _is_users(frame.filename, root)
    ]
    lines = traceback.StackSummary.from_list(frames).format() + traceback.format_exception_only(error)
    return "".join(lines).rstrip()


def has_user_frames(error: BaseException, folder: Path) -> bool:
    """Tell whether the error came through code of the user's own."""
    root = folder.resolve()
    return any(_is_users(frame.filename, root) for frame in traceback.extract_tb(error.__traceback__))


def _is_users(filename: str, root: Path) -> bool:
    path = Path(filename)
    if filename.startswith("<") or path.is_relative_to(root):
        return not filename.startswith("<")
    installed = {"site-packages", "dist-packages"}.intersection(path.parts)
    return not installed and not any(path.resolve().is_relative_to(place) for place in _NOT_THE_USERS)


def _shown(filename: str, root: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename


def _load_file(folder: Path, source: str) -> ModuleType:
    path = (folder / source).resolve()
    if not path.is_file():
        nearby = sorted(p.name for p in path.parent.glob("*.py"))
        fault = Diagnostic(
            "custom-module-missing", f"there is no file `{path}`", help=did_you_mean(path.name, nearby)
        )
        raise SpecError(fault)
    name = f"kexp_custom_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_failed(error, source, path.parent) from None
    return module


def _load_module(folder: Path, source: str) -> ModuleType:
    try:
        with _importable(folder.resolve()):
            return importlib.import_module(source)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{source}.".startswith(f"{error.name}."):
            raise SpecError.because(
                "custom-module-missing",
                f"there is no module `{source}`",
                help=f"modules are looked for in `{folder}` and among the installed packages",
            ) from None
        raise _import_failed(error, source, folder) from None


def _import_failed(error: BaseException, source: str, folder: Path) -> Exception:
    return SpecError.because(
        "custom-import-failed",
        f"importing `{source}` raised {type(error).__name__}",
        detail=user_traceback(error, folder),
    )


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Put `folder` first on the import path for a while, so that sibling modules are found."""
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def load_reference(reference: str) -> Any:
    """Return the object that a registry of kexp names as `module:name`."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def own_files(references: Iterable[str], folder: Path) -> dict[str, bytes]:
    """Return the python files below `folder` that the referenced objects need, by their relative paths.

    A module needs those whose objects its namespace holds; only modules already imported count.
    """
    root = folder.resolve()
    files: dict[str, bytes] = {}
    waiting = [sys.modules[load_object(reference, folder).__module__] for reference in references]
    seen: set[int] = set()
    while waiting:
        module = waiting.pop()
        path = Path(getattr(module, "__file__", None) or "/").resolve()
        if id(module) in seen or not path.is_relative_to(root) or _is_installed(path):
            continue
        seen.add(id(module))
        files[path.relative_to(root).as_posix()] = path.read_bytes()
        for value in list(vars(module).values()):
            owner = (
                value
                if isinstance(value, ModuleType)
                else sys.modules.get(getattr(value, "__module__", "") or "")
            )
            if owner is not None:
                waiting.append(owner)
    return dict(sorted(files.items()))


def kept_reference(reference: str, folder: Path) -> str:
    """Return how a run names the object: by the copy of its file under `code/`."""
    source, _, name = reference.rpartition(":")
    path = folder / (source if source.endswith(".py") else f"{source.replace('.', '/')}.py")
    root = folder.resolve()
    if not path.is_file() or not path.resolve().is_relative_to(root):
        return reference
    return f"code/{path.resolve().relative_to(root).as_posix()}:{name}"


def _is_installed(path: Path) -> bool:
    parts = {"site-packages", "dist-packages"}.intersection(path.parts)
    return bool(parts) or any(path.is_relative_to(place) for place in _NOT_THE_USERS)
