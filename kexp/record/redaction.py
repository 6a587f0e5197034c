"""Keep secrets out of what is written down."""

import re
from collections.abc import Iterable

REDACTED = "<redacted>"

_WORDS = "KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTH"
_SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
_SECRET_OPTION = re.compile(rf"-[^=\s]*(?:{_WORDS})[^=\s]*\Z", re.IGNORECASE)
# Where a secret ends is not known (quotes, spaces, `Bearer x`), so the rest of the text goes with it.
_SECRET_VALUE = re.compile(rf"((?:{_WORDS})[\w.\[\]-]*[\"']?\s*[:=]\s*)\S.*", re.IGNORECASE | re.DOTALL)
_URL_USER = re.compile(r"(?<=://)[^/\s]*@|^[^/\s:@]+:[^/\s]*@")


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def without_credentials(url: str) -> str:
    """Return a URL or `host:path` without its `user:password@`."""
    return _URL_USER.sub("", url)


def redacted_text(text: str) -> str:
    """Drop the credentials of URLs, and all that follows a secret-looking name and `=` or `:`."""
    return _SECRET_VALUE.sub(rf"\1{REDACTED}", without_credentials(text))


def redacted_arguments(arguments: Iterable[str]) -> list[str]:
    """Redact each argument, and wholly so the one after an option with a secret-looking name."""
    shown, is_secret = [], False
    for argument in arguments:
        shown.append(REDACTED if is_secret else redacted_text(argument))
        is_secret = _SECRET_OPTION.match(argument) is not None
    return shown
