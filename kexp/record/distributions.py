"""Every installed distribution, as a lock of the environment."""

import hashlib
import json
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TypedDict
from urllib.parse import unquote, urlsplit

from kexp.record.git import git_commit, git_diff_sha256


class Distribution(TypedDict):
    """`record_sha256` stands for all its files; of an editable one, `commit` and `diff_sha256` do, which are
    those of its checkout, the latter None without changes."""

    name: str
    version: str
    record_sha256: str | None
    editable: bool
    commit: str | None
    diff_sha256: str | None


def installed(folders: list[str] | None = None) -> list[Distribution]:
    """Return what is importable from `folders`, by default those of this process, sorted by name."""
    search = metadata.distributions() if folders is None else metadata.distributions(path=folders)
    found: dict[str, Distribution] = {}
    for item in search:
        about = item.metadata  # read anew each time
        if "Name" not in about:
            continue
        described = _describe(item, about["Name"], about["Version"])
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
        commit = f" at commit {distribution['commit']}" if distribution["commit"] else ""
        changed = " with uncommitted changes" if distribution["diff_sha256"] else ""
        return f"# {distribution['name']} (editable){commit}{changed}"
    return f"{distribution['name']}=={distribution['version']}"


def _describe(item: metadata.Distribution, name: str, version: str) -> Distribution:
    record = item.read_text("RECORD")
    folder = _editable_folder(item)
    return Distribution(
        name=name,
        version=version,
        record_sha256=hashlib.sha256(record.encode()).hexdigest() if record is not None else None,
        editable=folder is not None,
        commit=git_commit(folder) if folder is not None else None,
        diff_sha256=git_diff_sha256(folder) if folder is not None else None,
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
