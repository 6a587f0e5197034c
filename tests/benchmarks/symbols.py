"""How many of Keras's public objects can be written in YAML: each is read from text and constructed.

`tests/objects.py` holds what each is given, and the reasons of those that are left out.
"""

import warnings
from collections.abc import Iterator

from tests.benchmarks.tables import Table


def tables() -> Iterator[Table]:
    from fakes import machine

    machine()
    from objects import CLASSES, EXCEPTIONS, names

    from kexp.spec.catalogue import catalogue

    rows = []
    for namespace in CLASSES:
        known = [name for of, name in names(aliases=True) if of == namespace]
        distinct = {name for of, name in names(aliases=False) if of == namespace}
        left = EXCEPTIONS.get(namespace, {})
        made = [name for name in known if name not in left and _is_made(namespace, name)]
        rows.append(
            (
                f"keras.{_module(namespace)}",
                len(distinct.intersection(made)),
                len(distinct),
                len(made),
                len(known),
            )
        )
    applications = (len(catalogue().names("applications")),) * 4
    rows.append(("keras.applications", *applications))
    rows.append(("all", *(sum(row[column] for row in rows) for column in (1, 2, 3, 4))))
    header = ("namespace", "made", "of classes", "made by name", "of names")
    note = "Some classes have several names. Applications are known by name: `pytest -m slow` builds them."
    yield Table("Objects written in YAML", header, rows, note)
    reasons = [
        (f"{namespace}: {name}", why) for namespace, left in EXCEPTIONS.items() for name, why in left.items()
    ]
    yield Table("Left out", ("object", "why"), reasons)


def _module(namespace: str) -> str:
    return "optimizers.schedules" if namespace == "schedules" else namespace


def _is_made(namespace: str, name: str) -> bool:
    from objects import component, make

    from kexp.errors import KexpError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(component(namespace, name))
    except KexpError:
        return False
    return True
