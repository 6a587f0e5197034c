"""`train` and its stages: what each phase must have, whoever says it."""

import dataclasses

from kexp.document import Entries, Items, Node
from kexp.errors import nearest
from kexp.spec.reader import Cursor, read_record
from kexp.spec.types import Stage, Training

_STAGE_KEYS = [field.name for field in dataclasses.fields(Stage)]


def read_training(cursor: Cursor, needed: tuple[str, ...]) -> Training:
    """Read `train`; every phase needs each of `needed`: its stage's own, or the one of `train`.

    Raises: Unreadable after any fault in it.
    """
    missing = []
    for name in needed:
        lacking = _stages_without(name, cursor.node)
        if lacking is None:
            missing.append(name)
        elif not _has(name, cursor.node):
            for path, stage in lacking:
                cursor.fault(
                    "missing-key",
                    f"`{cursor.path}.{path}` has no `{name}`, and `{cursor.path}` has none to inherit",
                    stage.span,
                    path=f"{cursor.path}.{path}",
                    help=f"add `{name}:` here, or to `{cursor.path}` for all stages",
                )
    training: Training = read_record(cursor, Training, also_required=tuple(missing))
    return training


def _stages_without(name: str, train: Node) -> list[tuple[str, Entries]] | None:
    """Return the stages that do not have a key; None where no stage has it."""
    listed = train.get("stages") if isinstance(train, Entries) else None
    stages = listed.items if isinstance(listed, Items) else ()
    lacking = [
        (f"stages[{number}]", stage)
        for number, stage in enumerate(stages)
        if isinstance(stage, Entries) and not _has(name, stage)
    ]
    return lacking if len(lacking) < len(stages) else None


def _has(name: str, node: Node) -> bool:
    """Tell whether a map has a key, or a misspelt one that has a fault of its own."""
    keys = [key for key, _, _ in node] if isinstance(node, Entries) else []
    return name in keys or any(key not in _STAGE_KEYS and nearest(key, _STAGE_KEYS) == name for key in keys)
