"""The import lines of a script."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from kexp.export.names import text_literal


def import_lines(
    imported: Mapping[str, str], spec_folder: Path, folder: Path, keras_names: list[str]
) -> list[str]:
    """Return the imports: Keras, and the user's own code from its files, wherever they are."""
    own: dict[str, list[str]] = defaultdict(list)
    paths: dict[str, None] = {}
    dynamic = []
    for reference, name in sorted(imported.items()):
        source, _, wanted = reference.rpartition(":")
        module, home = _home(source, spec_folder)
        if home is not None and home != folder.resolve():
            paths[str(home)] = None
        if all(part.isidentifier() for part in module.split(".")):
            own[module].append(wanted if name == wanted else f"{wanted} as {name}")
        else:
            dynamic.append(f"{name} = import_module({text_literal(module)}).{wanted}")
    standard = ["import sys"] if paths else []
    standard += ["from importlib import import_module"] if dynamic else []
    lines = [*standard, *([""] if standard else []), "import keras"]
    lines += [f"from keras import {', '.join(keras_names)}"] if keras_names else []
    moved = [f"sys.path.insert(0, {text_literal(path)})" for path in paths]
    ending = "  # noqa: E402" if paths else ""
    statements = [f"from {module} import {', '.join(names)}{ending}" for module, names in own.items()]
    for part in (moved, statements, dynamic):
        lines += ["", *part] if part else []
    return lines


def _home(source: str, spec_folder: Path) -> tuple[str, Path | None]:
    """Return a module's name, and the folder it is found in unless it is installed."""
    if source.endswith(".py"):
        return Path(source).stem, (spec_folder / source).resolve().parent
    path = spec_folder / f"{source.replace('.', '/')}.py"
    return source, spec_folder.resolve() if path.is_file() else None
