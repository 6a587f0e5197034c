"""What an argument may be, and how a sentence says it."""

from dataclasses import dataclass
from typing import Literal

from kexp.spec.namespaces import an_object_of

DTYPES = (
    *("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"),
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "int", "bool", "string"),
    *("float8_e4m3fn", "float8_e5m2", "complex64", "complex128"),
)
"""Names of dtypes and of dtype policies. Source: `ALLOWED_DTYPES` in `keras/src/backend/common/dtypes.py`."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends; an open end is not one of them."""

    least: float | None = None
    most: float | None = None
    open_below: bool = False
    open_above: bool = False

    def __contains__(self, number: float) -> bool:
        above = self.least is None or (number > self.least if self.open_below else number >= self.least)
        below = self.most is None or (number < self.most if self.open_above else number <= self.most)
        return above and below

    def __str__(self) -> str:
        low = [f"{'greater than' if self.open_below else 'at least'} {self.least}"] * (self.least is not None)
        high = [f"{'less than' if self.open_above else 'at most'} {self.most}"] * (self.most is not None)
        return " and ".join(low + high)


@dataclass(frozen=True, slots=True)
class Number:
    """`range` holds what Keras takes, `usual` what makes sense of that. A decimal number is never `1`."""

    kind: Literal["whole", "decimal", "any"] = "any"
    range: Range = Range()
    usual: Range | None = None

    def __str__(self) -> str:
        if self.range.least is not None and self.range.least == self.range.most:
            return f"`{self.range.least}`"
        limit = str(self.range)
        return f"{_NOUNS[self.kind]} {'of ' * limit.startswith('at')}{limit}".rstrip()


_NOUNS = {"whole": "a whole number", "decimal": "a number with a decimal point", "any": "a number"}


@dataclass(frozen=True, slots=True)
class Flag:
    def __str__(self) -> str:
        return "`true` or `false`"


@dataclass(frozen=True, slots=True)
class Text:
    def __str__(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; `any_case` where Keras does not mind capitals."""

    words: tuple[str, ...]
    any_case: bool = False

    def __contains__(self, text: str) -> bool:
        folded = (word.casefold() for word in self.words)
        return text in self.words or (self.any_case and text.casefold() in folded)

    def __str__(self) -> str:
        listed = ", ".join(f"`{word}`" for word in self.words)
        return f"one of {listed}" if len(self.words) > 1 else listed


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object of a namespace, or Keras's string for one."""

    namespace: str

    def __str__(self) -> str:
        return an_object_of(self.namespace)


@dataclass(frozen=True, slots=True)
class DType:
    """One of `DTYPES`, or a quantized policy such as `int8_from_float32`."""

    def __contains__(self, text: str) -> bool:
        return text in DTYPES or "_from_" in text

    def __str__(self) -> str:
        return "a dtype such as `float32`"


@dataclass(frozen=True, slots=True)
class ListOf:
    item: "Type"
    least: int = 0
    most: int | None = None

    @property
    def length(self) -> str:
        """Say how many items there may be; empty when any number may."""
        if self.least == self.most:
            return f"{self.least} "
        if self.most is None:
            return f"at least {self.least} " if self.least else ""
        return f"{self.least} to {self.most} "

    def __str__(self) -> str:
        each = "" if self.item.is_anything else f" (each {self.item})"
        return f"a list{f' of {self.length}items' if self.length else ''}{each}"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with the user's own keys."""

    item: "Type"

    def __str__(self) -> str:
        return "a map" if self.item.is_anything else f"a map (each value {self.item})"


@dataclass(frozen=True, slots=True)
class Anything:
    def __str__(self) -> str:
        return "anything"


Form = Number | Flag | Text | Choice | ObjectOf | DType | ListOf | MapOf | Anything


@dataclass(frozen=True, slots=True)
class Type:
    """A union of forms; `nullable` where `null` may stand, too."""

    forms: tuple[Form, ...]
    nullable: bool = False

    @property
    def is_anything(self) -> bool:
        return Anything() in self.forms

    def __str__(self) -> str:
        named = [self._named(form) for form in self.forms] + ["`null`"] * self.nullable
        return " or ".join([", ".join(named[:-1]), named[-1]] if named[1:] else named)

    def _named(self, form: Form) -> str:
        """Name a form; one and a list of the same are not spelt out twice."""
        if isinstance(form, ListOf) and form.item.forms[0] in self.forms:
            return f"a list of {form.length}of them" if form.length else "a list of them"
        return str(form)
