"""What an unquoted scalar means. Source: YAML 1.2.2, section 10.3.2, core schema."""

import re

from kexp.document.nodes import Plain

_MAX_DIGITS = 250  # a longer integer overflows a float, and Python refuses to print it
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_OTHER_BOOLEAN = re.compile(r"(?:yes|no|on|off|true|false)\Z", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+\Z")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?\Z")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?\Z")


def means_other_than_text(text: str) -> bool:
    """Tell whether unquoted `text` would be read as something else, or refused."""
    return not isinstance(core_value(text), str) or ambiguity(text)[1] is not None or text == "<<"


def ambiguity(text: str) -> tuple[str | None, str | None]:
    """Return what was probably meant by a scalar, and why YAML versions disagree on it."""
    if _OTHER_BOOLEAN.match(text) and text not in ("true", "false"):
        meant = "true" if text.lower() in ("yes", "on", "true") else "false"
        return meant, "a boolean to some YAML versions and text to others"
    if _LEADING_ZERO.match(text):
        meant = re.sub(r"0+(?=\d)", "", text.replace("_", ""), count=1)
        return meant, "octal to some YAML versions and decimal to others"
    if _UNDERSCORED.match(text):
        return text.replace("_", ""), "a number to some YAML versions and text to others"
    if _SEXAGESIMAL.match(text):
        return None, "a number in base 60 to some YAML versions and text to others"
    return None, None


def core_value(text: str) -> Plain:
    """Return the value of an unquoted scalar."""
    if _NULL.match(text):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INT.match(text):
        return int(text) if len(text) <= _MAX_DIGITS else float(text)
    if _BASED_INT.match(text) and len(text) <= _MAX_DIGITS:
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    special = _SPECIAL_FLOAT.match(text)
    if special:
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text
