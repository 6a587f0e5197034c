"""Names of objects: which are the user's own, what those of a namespace are called, and where they stand."""

import re

from kexp.document import Entries, Node

EXPLICIT = re.compile(r"keras\.(?:optimizers\.)?([a-z]+):([A-Za-z]\w*)\Z")
_CUSTOM = re.compile(r"(?:[\w./-]+\.py|[A-Za-z_]\w*(?:\.\w+)*):[A-Za-z_]\w*\Z")
_SINGULAR = {
    "layers": "layer",
    "applications": "application",
    "optimizers": "optimizer",
    "schedules": "learning-rate schedule",
    "losses": "loss",
    "metrics": "metric",
    "callbacks": "callback",
    "initializers": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "sources": "data source",
    "models": "model class",
    "activations": "activation",
    "functions": "function",
}
_POSITIONS = (
    (re.compile(r".*initializer\Z"), "initializers"),
    (re.compile(r".*regularizer\Z"), "regularizers"),
    (re.compile(r".*constraint\Z"), "constraints"),
    (re.compile(r"(?:.*_)?(?:layer|cell|layers|cells)\Z"), "layers"),
    (re.compile(r"(?:learning_rate|schedule)\Z"), "schedules"),
    (re.compile(r"(?:.*_)?optimizer(?:s|_map)?\Z"), "optimizers"),
    (re.compile(r"(?:.*_)?loss(?:_fn)?\Z"), "losses"),
    (re.compile(r"metrics?\Z"), "metrics"),
)


def is_custom(name: str) -> bool:
    """Tell `file.py:Name` and `package.module:Name` from the names of Keras."""
    return bool(_CUSTOM.match(name)) and not EXPLICIT.match(name)


def looks_like_object(node: Node | None) -> bool:
    """Tell `{L2: 1e-4}` and `{"code.py:f": {}}`, which are objects, from maps of arguments or outputs."""
    if not isinstance(node, Entries) or len(node.entries) != 1:
        return False
    name = str(node.entries[0][0].value)
    return name[:1].isupper() or is_custom(name) or bool(EXPLICIT.match(name))


def singular(namespace: str) -> str:
    return _SINGULAR[namespace]


def an_object_of(namespace: str) -> str:
    """Return `a layer`, `an optimizer` and so on."""
    noun = _SINGULAR[namespace]
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def unknown_id(namespace: str) -> str:
    """Return the id of the fault of a name that the namespace does not have, such as `unknown-layer`."""
    noun = _SINGULAR[namespace].replace(" ", "-").removeprefix("learning-rate-")
    return f"unknown-{noun}"


def namespace_at(position: str) -> str | None:
    """Return the namespace of objects that an argument of this name takes."""
    return next((namespace for pattern, namespace in _POSITIONS if pattern.match(position)), None)
