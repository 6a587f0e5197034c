"""Every installed distribution, as a lock of the environment."""

import hashlib
import json
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TypedDict
from urllib.parse import unquote, urlsplit

from kexp.record.git import git_commit


class Distribution(TypedDict):
    """`record_sha256` stands for all its files; `commit` is that of an editable one's checkout."""

    name: str
    version: str
    record_sha256: str | None
    editable: bool
    commit: str | None


def installed(folders: list[str] | None = None) -> list[Distribution]:
    """Return what is importable from `folders`, by default those of this process, sorted by name."""
    search = metadata.distributions() if folders is None else metadata.distributions(path=folders)
    found: dict[str, Distribution] = {}
    for item in search:
        if "Name" not in item.metadata:
            continue
        described = _describe(item)
        first = found.setdefault(_normal(described["name"]), described)
        # The build folder of an editable checkout has the same name, stands earlier and has no RECORD.
        if first["record_sha256"] is None and described["record_sha256"] is not None:
            found[_normal(described["name"])] = described
    return [found[name] for name in sorted(found)]


def requirements(distributions: Iterable[Distribution]) -> str:
    """Return a `requirements.txt` that installs the same versions; what is editable is a comment."""
    return "".join(f"{_requirement(d)}\n" for d in sorted(distributions, key=lambda d: _normal(d["name"])))


def _requirement(distribution: Distribution) -> str:
    if distribution["editable"]:
        commit = distribution["commit"]
        return f"# {distribution['name']} (editable)" + (f" at commit {commit}" if commit else "")
    return f"{distribution['name']}=={distribution['version']}"


def _describe(item: metadata.Distribution) -> Distribution:
    record = item.read_text("RECORD")
    folder = _editable_folder(item)
    return Distribution(
        name=item.metadata["Name"],
        version=item.version,
        record_sha256=hashlib.sha256(record.encode()).hexdigest() if record is not None else None,
        editable=folder is not None,
        commit=git_commit(folder) if folder is not None else None,
    )


def _editable_folder(item: metadata.Distribution) -> Path | None:
    """Return the checkout of an editable install. Source: PEP 610."""
    text = item.read_text("direct_url.json")
    if text is None:
        return None
    origin = json.loads(text)
    if not origin.get("dir_info", {}).get("editable", False):
        return None
    return Path(unquote(urlsplit(origin["url"]).path))


def _normal(name: str) -> str:
    """Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
