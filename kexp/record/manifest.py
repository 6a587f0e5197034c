"""The manifest: the environment of a run and what others know of it, under one schema."""

from collections.abc import Mapping

from kexp.record.distributions import requirements
from kexp.record.environment import collect_environment
from kexp.record.git import git_diff
from kexp.record.jsonfile import SCHEMA

__all__ = ["collect_environment", "git_diff", "manifest", "requirements"]


def manifest(
    environment: Mapping[str, object], sections: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    return {"schema": SCHEMA, **environment, **sections}
