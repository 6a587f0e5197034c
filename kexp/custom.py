"""Objects that the user wrote, named `file.py:Name` or `package.module:Name`."""

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean

_NOT_THE_USERS = (Path(__file__).resolve().parent, Path(sysconfig.get_path("stdlib")).resolve())
_NEVER_HIDDEN = sys.stdlib_module_names | {"__main__"}
_CODE = "code"
_OUTSIDE = "outside"

# ---------------------------------------------------------------- loading


def load_object(reference: str, folder: Path) -> object:
    """Import the object that `reference` names; a module is looked for in `folder`, then in its `code`.

    Raises: custom-module-missing, custom-name-missing, custom-import-failed.
    """
    source, _, name = reference.rpartition(":")
    is_file = source.endswith(".py")
    module = _load_file(folder, source) if is_file else _load_module(folder, module_of(reference))
    if not hasattr(module, name):
        known = [n for n in vars(module) if not n.startswith("_")]
        fault = Diagnostic(
            "custom-name-missing", f"`{source}` defines no `{name}`", help=did_you_mean(name, known)
        )
        raise SpecError(fault)
    return getattr(module, name)


def module_of(reference: str) -> str:
    """Return the module that `module:Name` is imported from.

    `keras.applications.convnext:LayerScale` is one of Keras's layers that only `keras.src` shows.
    """
    source, _, name = reference.rpartition(":")
    if not source.startswith("keras.") or hasattr(sys.modules.get(source), name):
        return source
    inner = f"keras.src.{source.removeprefix('keras.')}"
    try:
        return inner if hasattr(importlib.import_module(inner), name) else source
    except ModuleNotFoundError:
        return source


def load_reference(reference: str) -> Any:
    """Return the object that a registry of kexp names as `module:name`."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _load_file(folder: Path, source: str) -> ModuleType:
    path = _file(source, folder)
    if not path.is_file():
        raise SpecError(_missing_file(path))
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


def missing_files(references: Iterable[str], folder: Path) -> Iterator[tuple[str, Diagnostic]]:
    """Yield every `file.py:Name` whose file is not there, with its fault."""
    for reference in references:
        source = reference.rpartition(":")[0]
        if source.endswith(".py") and not (path := _file(source, folder)).is_file():
            yield reference, _missing_file(path)


def _missing_file(path: Path) -> Diagnostic:
    nearby = sorted(p.name for p in path.parent.glob("*.py"))
    help = did_you_mean(path.name, nearby)
    return Diagnostic("custom-module-missing", f"there is no file `{path}`", help=help)


def _load_module(folder: Path, source: str) -> ModuleType:
    try:
        with _importable(module_home(source, folder) or folder.resolve()):
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


def _file(source: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder.resolve() / source))


def module_home(name: str, folder: Path) -> Path | None:
    """Return where the import of a module begins: `folder` or the `code` in it; None: not below them."""
    home = folder.resolve()
    while home.is_dir():
        if _module_file(home.joinpath(*name.split("."))):
            return home
        home /= _CODE
    return None


def _module_file(place: Path) -> Path | None:
    """Return the file that is run when the module of this path without suffix is imported."""
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


@contextmanager
def _importable(home: Path) -> Iterator[None]:
    """Let imports find the modules in `home` first, even where other folders' of their names are loaded.

    The others come back afterwards; those of `home` whose names they take wait under keys of their own.
    No bytecode is left there, which could later stand in for a file that was checked.
    """
    importlib.invalidate_caches()
    leaves_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    hidden = _modules_of({path.stem for path in home.glob("*") if _is_foreign(path.stem, home)})
    shelf = f"kexp_custom:{home}:"
    for name in hidden:
        del sys.modules[name]
    for key in [key for key in sys.modules if key.startswith(shelf)]:
        sys.modules[key.removeprefix(shelf)] = sys.modules.pop(key)
    sys.path.insert(0, str(home))
    try:
        yield
    finally:
        sys.dont_write_bytecode = leaves_none
        sys.path.remove(str(home))
        for name in _modules_of({name.partition(".")[0] for name in hidden}):
            sys.modules[shelf + name] = sys.modules.pop(name)
        sys.modules.update(hidden)


def _modules_of(packages: set[str]) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in packages}


def _is_foreign(name: str, home: Path) -> bool:
    """Tell whether a module is loaded from elsewhere that a first import would take from `home`."""
    if name not in sys.modules or name in _NEVER_HIDDEN:
        return False
    own = _module_file(home / name)
    if own is not None:
        return getattr(sys.modules[name], "__file__", None) != str(own)
    if str(home / name) in getattr(sys.modules[name], "__path__", ()):
        return False
    elsewhere = PathFinder.find_spec(name)  # before a folder without `__init__.py`, Python takes what has one
    return (home / name).is_dir() and (elsewhere is None or elsewhere.origin is None)


# ---------------------------------------------------------------- what went wrong in it


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


# ---------------------------------------------------------------- keeping it


@dataclass(frozen=True, slots=True)
class KeptCode:
    """What a run keeps of the user's code: files by their path below `code/`, and each object's new name."""

    files: Mapping[str, bytes]
    names: Mapping[str, str]


def kept_code(references: Iterable[str], folder: Path) -> KeptCode:
    """Return the python files in `folder` that the objects need, as far as import statements tell.

    A `code/` that holds them all is kept as it is, so that the code of a run keeps its layout in the next.
    """
    root = folder.resolve()
    needed = {reference: _needed_files(reference, root) for reference in references}
    paths: set[Path] = set().union(*needed.values())
    base = root / _CODE if all(path.is_relative_to(root / _CODE) for path in paths) else root
    return KeptCode(
        dict(sorted((_kept_path(path, base), path.read_bytes()) for path in paths)),
        {reference: _kept_name(reference, root, base) for reference in needed},
    )


def code_hashes(references: Iterable[str], folder: Path) -> dict[str, str]:
    """Return the sha256 of each file that a run keeps, by its path below `code/`."""
    files = kept_code(references, folder).files
    return {relative: hashlib.sha256(data).hexdigest() for relative, data in files.items()}


def modules_elsewhere(references: Iterable[str], folder: Path) -> list[str]:
    """Name the imported modules that are neither in `folder`, and so kept, nor in an installed package."""
    sources = {reference.rpartition(":")[0] for reference in references}
    named = {source for source in sources if not source.endswith(".py") and not module_home(source, folder)}
    files = {name: getattr(sys.modules.get(name), "__file__", None) for name in named}
    return sorted(name for name, file in files.items() if file and _is_users(file, folder.resolve()))


def _kept_path(path: Path, base: Path) -> str:
    parts = Path(os.path.relpath(path, base)).parts
    return "/".join(_OUTSIDE if part == ".." else part for part in parts)


def _kept_name(reference: str, root: Path, base: Path) -> str:
    source, _, name = reference.rpartition(":")
    return f"{_CODE}/{_kept_path(_file(source, root), base)}:{name}" if source.endswith(".py") else reference


def _needed_files(reference: str, root: Path) -> set[Path]:
    source = reference.rpartition(":")[0]
    if source.endswith(".py"):
        home = _file(source, root).parent
        waiting = [path for path in [_file(source, root)] if path.is_file()]
    else:
        home = module_home(source, root) or root
        waiting = _module_files(source, home)
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [file for name in _imported_names(path, home) for file in _module_files(name, home)]
    return found


def _module_files(name: str, home: Path) -> list[Path]:
    """Return the files in `home` that are run when `name` is imported: its packages' and its own."""
    parts = name.split(".")
    files = (_module_file(home.joinpath(*parts[: count + 1])) for count in range(len(parts)))
    return [file for file in files if file is not None]


def _imported_names(path: Path, home: Path) -> Iterator[str]:
    """Yield what the import statements of a file name, attributes of modules included."""
    package = path.relative_to(home).parent.parts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are said where the file is imported
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            parts = (*above, node.module) if node.module else above
            yield from (".".join((*parts, alias.name)) for alias in node.names)
