"""Run ids: UTC time, slug of the name, random tail."""

import re
import secrets
import string
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

MAX_SLUG_LENGTH = 48

_ID = re.compile(r"(\d{8}-\d{6})-(.+)-([a-z0-9]{4})\Z")
_STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class RunId:
    moment: datetime
    slug: str
    tail: str

    @classmethod
    def parse(cls, text: str) -> "RunId | None":
        """Read an id; None for the name of a directory that a user chose."""
        match = _ID.match(text)
        try:
            return match and cls(datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC), match[2], match[3])
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{stamp(self.moment)}-{self.slug}-{self.tail}"


def slug(name: str) -> str:
    """Return the name as it stands in an id: lower-case letters, digits and single hyphens."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return words[:MAX_SLUG_LENGTH].strip("-") or "run"


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)


def random_tail() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(4))
