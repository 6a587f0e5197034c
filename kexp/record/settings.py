"""Where each setting of a run comes from: the command line, the spec, or a default."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kexp.diagnostics import Source
from kexp.document import parse_document, parse_value, plain
from kexp.document.reading import MAX_BYTES
from kexp.errors import KexpError
from kexp.record.differences import flat, settings_of
from kexp.record.experiment import run_document
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.seal import walk

Setting = tuple[object, str]
"""A value, and where it is from."""

_SHORT = {"--seed": "seed", "--name": "name"}
_SET = re.compile(r"(?:--set=|--set\Z|-q*s)(.*)", re.DOTALL)
"""Also `-strain.epochs=3`, and `-qs` with the one flag that is a letter."""


def settings_with_origin(run: RunDir) -> dict[str, Setting]:
    """Return the settings of a run by path, but for those inside graphs; none where it was cut off early.

    Raises: RunRefused (file-differs, file-not-listed, path-outside-run, file-broken), SpecError.
    """
    if not run.resolved.is_file():
        return {}
    manifest, resolved = read_manifest(run), plain(run_document(run).root)
    settings = settings_of(resolved) if isinstance(resolved, Mapping) else {}
    origins = _origins(run, manifest, settings)
    return {path: (value, _origin(path, value, origins)) for path, value in settings.items()}


def _origins(
    run: RunDir, manifest: Mapping[str, Any], settings: Mapping[str, object]
) -> dict[str, Mapping[str, object]]:
    """Return what each origin sets, the strongest first."""
    changed, again = manifest.get("changed"), manifest.get("reproduces")
    lines = [line for change in changed or () for line in _list(change.get("settings"))]
    resumed = {"a resume": {str(line).partition(":")[0]: None for line in lines}}
    spec = {path: value for spec in _given(run) for path, value in settings_of(spec).items()}
    if again:
        return {**resumed, **_of_reproduction(f"run {again}", spec, settings)}
    return {**resumed, "command line": _assigned(_list(manifest.get("command"))), "spec": spec}


def _of_reproduction(
    first: str, spec: Mapping[str, object], settings: Mapping[str, object]
) -> dict[str, Mapping[str, object]]:
    """Return what is as in the run that was trained again, whose settings are this run's spec.

    Of the rest `--seeds` and `--data` set what they are named after.
    """
    same = {path: value for path, value in settings.items() if path in spec and spec[path] == value}
    chosen = {path: value for path, value in settings.items() if path.partition(".")[0] in ("seed", "data")}
    return {first: same, "command line": chosen}


def _origin(path: str, value: object, origins: Mapping[str, Mapping[str, object]]) -> str:
    """Return the strongest origin: one that names the setting, or holds it as in `Adam: 1e-3`."""
    outer = [path.rpartition(".")[0]]
    while outer[-1]:
        outer.append(outer[-1].rpartition(".")[0])
    for name, given in origins.items():
        if path in given or any(above in given and given[above] == value for above in outer):
            return name
    return "default"


def _given(run: RunDir) -> Iterator[Mapping[str, Any]]:
    """Yield what the user's files say: the spec, and its bases."""
    for path in (run.spec, *walk(run.spec_bases)):
        name = path.relative_to(run.path).as_posix()
        content = plain(parse_document(run.read(name, MAX_BYTES), name).root) if path.is_file() else None
        if isinstance(content, Mapping):
            yield content


def _assigned(command: Sequence[object]) -> dict[str, object]:
    """Return what a command line sets, by path."""
    words = [str(word) for word in command]
    found: dict[str, object] = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        text = value if equals else following
        assigned = _SET.fullmatch(word)
        if assigned:
            key, _, given = (assigned[1] or following).partition("=")
            found |= flat(_parsed(given), key.strip())
        elif option in _SHORT:
            found[_SHORT[option]] = _parsed(text)
    return found


def _parsed(text: str) -> object:
    try:
        return plain(parse_value(Source("command line", text)))
    except KexpError:
        return text


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
