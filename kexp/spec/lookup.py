"""The name of an object, as it stands in a spec -> its signature, or what was probably meant."""

from kexp.document import Entries, Scalar
from kexp.errors import did_you_mean
from kexp.spec.catalogue import NAMESPACES, Signature
from kexp.spec.namespaces import EXPLICIT, an_object_of, is_custom, namespace_at, singular, unknown_id
from kexp.spec.reader import Cursor, Unreadable
from kexp.spec.spellings import written_here

_OBJECTS = tuple(n for n in NAMESPACES if n != "sources")


def look_up(cursor: Cursor, text: str, name: Scalar, namespace: str) -> Signature:
    """Return the signature of the object called `text`, which stands at `name`.

    Raises: Unreadable after unknown-layer, unknown-optimizer, ….
    """
    catalogue = cursor.reading.catalogue
    explicit = EXPLICIT.match(text)
    if explicit and explicit[1] in NAMESPACES:
        namespace, text = explicit[1], explicit[2]
    namespaces = ("layers", "applications") if namespace == "layers" else (namespace,)
    signature = catalogue.find(text, namespaces)
    if signature is not None:
        return signature
    elsewhere = catalogue.find(text, _OBJECTS)
    if elsewhere is not None:
        found, expected = an_object_of(elsewhere.namespace), an_object_of(namespace)
        message = f"`{text}` is {found}, and {expected} is expected here"
        raise cursor.refuse(unknown_id(namespace), message, name.span)
    raise unknown_object(cursor, name, namespace, [])


def unknown_object(cursor: Cursor, name: Scalar, namespace: str, strings: list[str]) -> Unreadable:
    """Gather that a namespace has no such name; `strings` are those that Keras knows beside its names."""
    catalogue = cursor.reading.catalogue
    text = str(name.value)
    known = [*catalogue.names(namespace), *strings]
    block = None
    if namespace == "layers":
        known += catalogue.names("applications")
        block = None if text[:1].isupper() else did_you_mean(text, cursor.reading.blocks)
    message = f"there is no {singular(namespace)} `{text}` in Keras {catalogue.keras_version}"
    help = (
        block
        or written_here(text, namespace, catalogue)
        or did_you_mean(text, known)
        or f"{an_object_of(namespace)} of your own is written `file.py:Name`"
    )
    message += ", and no block of that name" if block else ""
    return cursor.refuse(unknown_id(namespace), message, name.span, help=help)


def namespace_of(cursor: Cursor, name: str, position: str) -> str:
    """Return the namespace of an object called `name` that stands as the argument `position`.

    Raises: Unreadable after ambiguous-object.
    """
    namespace = namespace_at(position)
    if namespace is not None or is_custom(name) or EXPLICIT.match(name):
        return namespace or "layers"
    found = [n for n in _OBJECTS if cursor.reading.catalogue.signature(n, name) is not None]
    if len(found) > 1:
        key = cursor.node.entries[0][0] if isinstance(cursor.node, Entries) else None
        message = f"`{name}` is {' and '.join(an_object_of(n) for n in found)}"
        help = f"write {' or '.join(f'`keras.{n}:{name}`' for n in found)}"
        raise cursor.refuse("ambiguous-object", message, key.span if key else None, help=help)
    return found[0] if found else "layers"
