"""A step's key, `[inputs ->] what [-> names]`, as patterns that Python and JavaScript read alike."""

from kexp.spec.schema.parts import FORMULA, NAME

_POSITION = rf"({NAME}|\[[^>]*\])"
_KEYWORD = rf"{NAME}\s*=\s*{_POSITION}"
_FREE = r"(?!(prev|input|null)\b)"
_WHAT = rf"{_FREE}[^\s,=>()\[\]{{}}]+"
_GIVEN = rf"{_FREE}{NAME}"
_NAMES = rf"{_GIVEN}(\s*,\s*{_GIVEN})*"

INPUTS = rf"({_POSITION}(\s*,\s*{_POSITION})*(\s*,\s*{_KEYWORD})*|{_KEYWORD}(\s*,\s*{_KEYWORD})*)"
OUTPUTS = rf"({_NAMES}|{NAME}\s*\(\s*{_NAMES}\s*\))"
WELL_FORMED = rf"{FORMULA}|^\s*({INPUTS}\s*->\s*(?!expr\b))?{_WHAT}(\s*->\s*{OUTPUTS})?\s*$"
"""Any key whose inputs and names are names; one with a formula may hold anything."""


def key_pattern(*whats: str) -> str:
    """Return the pattern of a key with one of these between its arrows."""
    return rf"^([^>]*->)?\s*({'|'.join(whats)})\s*(->[^>]*)?$"
