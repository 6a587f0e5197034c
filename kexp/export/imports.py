"""The import lines of a script."""

from pathlib import Path

from kexp.export.names import text_literal
from kexp.export.objects import Objects


def import_lines(objects: Objects, spec_folder: Path, folder: Path, from_keras: str) -> list[str]:
    """Return the imports: Keras, and the user's own code from its files."""
    paths: list[str] = []
    own: list[str] = []
    dynamic: list[str] = []
    for reference, name in objects.imported.items():
        source, _, wanted = reference.rpartition(":")
        path = spec_folder / (source if source.endswith(".py") else f"{source.replace('.', '/')}.py")
        module = Path(source).stem if source.endswith(".py") else source
        home = path.resolve().parent if source.endswith(".py") else spec_folder.resolve()
        if path.is_file() and home != folder.resolve() and str(home) not in paths:
            paths.append(str(home))
        if all(part.isidentifier() for part in module.split(".")):
            own.append(f"from {module} import {wanted}" + (f" as {name}" if name != wanted else ""))
        else:
            dynamic.append(f"{name} = import_module({text_literal(module)}).{wanted}")
    standard = ["import sys"] if paths else []
    standard += ["from importlib import import_module"] if dynamic else []
    first = [*standard, ""] if standard else []
    if not paths:
        return [*first, "import keras", *sorted(own), from_keras, "", *dynamic]
    inserted = [f"sys.path.insert(0, {text_literal(path)})" for path in paths]
    marked = [f"{line}  # noqa: E402" for line in sorted(own)]
    return [*first, "import keras", from_keras, "", *inserted, *marked, "", *dynamic]
