"""Secrets in a spec, all of which a run keeps and hands on."""

import re
from collections.abc import Iterator

from kexp.diagnostics import Diagnostic
from kexp.spec.components import is_custom
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import Written

_NAME = re.compile(
    r"(^|_)(api_?key|(access|private)_?key|secret(_?key)?|password|passwd|pwd|passphrase|credentials?"
    r"|((auth|access|api|bearer|hf|refresh)_?)?token)\Z",
    re.IGNORECASE,
)
_WORD_START = re.compile(r"-|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where `openaiApiKey` and `api-key` would have an underscore."""
_TEXT_TOKEN = re.compile(
    r"(^|_)(bos|cls|end|eos|mask|oov|pad|padding|sep|separator|sos|special|start|stop|unk|unknown)_token\Z",
    re.IGNORECASE,
)
_VOCABULARY = re.compile(r"\[.*\]|<.*>|\W*|.{0,3}", re.DOTALL)
"""What any other token of a text may be."""
_URL = re.compile(
    r"://(?:[^/\s:@\[]*:(?!\d+[/?#])[^\s@]+"
    r"|(?:gh[oprsu]_|github_pat_|glpat-|hf_|xox[a-z]-|sk-)[^/\s:@]+:?)@"
)
"""Before the host a password, in which `/` may stand, but no port; or a user who is a token alone."""
_HELP = "let your code read it from the environment, as in `os.environ`"


def kept_secrets(draft: Draft) -> Iterator[Diagnostic]:
    """Nothing that is given to code of the user's own looks like a password, and no URL holds one."""
    texts = [str(scalar.value) for scalar in draft.root.texts()]
    if any(_is_secret_name(text) or _URL.search(text) for text in texts):
        yield from _found(draft.root, False)


def _found(written: Written, is_own: bool) -> Iterator[Diagnostic]:
    text = written.text
    if text is not None and _URL.search(text):
        yield _secret("this URL holds a password", written)
    elif text is not None and is_own and _is_secret_name(written.name) and not _VOCABULARY.fullmatch(text):
        yield _secret(f"`{written.name}` looks like a secret", written)
    for inner in (*written.entries(), *written.items()):
        goes_to_code = is_own or inner.path in ("data.args", "vars") or is_custom(inner.name)
        yield from _found(inner, goes_to_code)


def _is_secret_name(name: str) -> bool:
    parts = _WORD_START.sub("_", name)
    return _NAME.search(parts) is not None and _TEXT_TOKEN.search(parts) is None


def _secret(what: str, at: Written) -> Diagnostic:
    message = f"{what}, and a run keeps all that its spec says"
    return Diagnostic("secret-in-spec", message, at.path, at.span, help=_HELP)
