"""Secrets in a spec, all of which a run keeps and hands on."""

import re
from collections.abc import Iterator

from kexp.diagnostics import Diagnostic
from kexp.spec.components import is_custom
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import Written

_NAME = re.compile(
    r"(^|_)(api_?key|access_?key|secret(_?key)?|password|passwd|passphrase|credentials?"
    r"|((auth|access|api|bearer|hf|refresh)_?)?token)\Z",
    re.IGNORECASE,
)
_VOCABULARY = re.compile(r"\[.*\]|<.*>|\W*|.{0,3}", re.DOTALL)
"""What the `mask_token` or `oov_token` of a text may be."""
_URL = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
_HELP = "let your code read it from the environment, as in `os.environ`"


def kept_secrets(draft: Draft) -> Iterator[Diagnostic]:
    """Nothing that is given to code of the user's own looks like a password, and no URL holds one."""
    texts = [str(scalar.value) for scalar in draft.root.texts()]
    if any(_NAME.search(text) or _URL.search(text) for text in texts):
        yield from _found(draft.root, False)


def _found(written: Written, is_own: bool) -> Iterator[Diagnostic]:
    text = written.text
    if text is not None and _URL.search(text):
        yield _secret("this URL holds a password", written)
    elif text is not None and is_own and _NAME.search(written.name) and not _VOCABULARY.fullmatch(text):
        yield _secret(f"`{written.name}` looks like a secret", written)
    for inner in (*written.entries(), *written.items()):
        goes_to_code = is_own or inner.path in ("data.args", "vars") or is_custom(inner.name)
        yield from _found(inner, goes_to_code)


def _secret(what: str, at: Written) -> Diagnostic:
    message = f"{what}, and a run keeps all that its spec says"
    return Diagnostic("secret-in-spec", message, at.path, at.span, help=_HELP)
