"""The import lines of a script."""

from collections import defaultdict
from pathlib import Path

from kexp.custom import module_home, module_of
from kexp.export.names import text_literal
from kexp.export.pieces import Pieces


def import_lines(pieces: Pieces, spec_folder: Path, folder: Path, keras_names: list[str]) -> list[str]:
    """Return the imports: Keras, and the user's own code from its files, wherever they are."""
    own: dict[str, list[str]] = defaultdict(list)
    paths: dict[str, None] = {}
    dynamic = []
    for reference, name in sorted(pieces.objects.imported.items()):
        wanted = reference.rpartition(":")[2]
        module, home = _home(module_of(reference), spec_folder)
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
    lines += pieces.sources.imports
    moved = [f"sys.path.insert(0, {text_literal(path)})" for path in paths]
    ending = "  # noqa: E402" if paths else ""
    statements = [f"from {module} import {', '.join(names)}{ending}" for module, names in own.items()]
    for part in (moved, statements, dynamic):
        lines += ["", *part] if part else []
    return lines


def _home(source: str, spec_folder: Path) -> tuple[str, Path | None]:
    """Return a module's name, and the folder its import begins in unless it is installed."""
    if source.endswith(".py"):
        return Path(source).stem, (spec_folder / source).resolve().parent
    return source, module_home(source, spec_folder)
