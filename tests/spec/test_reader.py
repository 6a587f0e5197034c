from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from kexp.document import Items, Scalar, parse_document
from kexp.spec.catalogue import catalogue
from kexp.spec.reader import Cursor, Reading, Unreadable, describe, read, read_each
from kexp.spec.types import Within


@dataclass(frozen=True, slots=True)
class Inner:
    share: Annotated[float | int, Within(0, exclusive=True)] | None = None
    mode: Literal["min", "max"] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    count: Annotated[int, Within(1, 10)]
    text: str
    flag: bool = False
    rate: float | None = None
    names: tuple[str, ...] = ()
    weights: Mapping[str, float] | None = None
    inner: Inner = field(default_factory=Inner)


def cursor(text: str, **variables: Any) -> Cursor:
    document = parse_document(text.encode(), "spec.yaml")
    values = {name: parse_document(value.encode(), "vars").root for name, value in variables.items()}
    return Cursor(document.root, "", Reading(catalogue(), values, {}, list(document.faults)))


def faults(text: str, **variables: Any) -> list[tuple[str, str, str, str | None]]:
    """Return id, message, underlined text and help of every fault in a `Record`."""
    found = cursor(text, **variables)
    with pytest.raises(Unreadable):
        read(found, Record)
    return [(f.id, f.message, f.span.text, f.help) for f in found.reading.faults]


def test_a_map_becomes_a_record():
    text = "{count: 3, text: abc, flag: true, rate: 1, names: [a, 2], weights: {x: 1}, inner: {mode: max}}"
    assert read(cursor(text), Record) == Record(
        3, "abc", True, 1.0, ("a", "2"), {"x": 1.0}, Inner(mode="max")
    )


def test_what_is_left_out_has_its_default():
    assert read(cursor("{count: 1, text: abc, rate: null}"), Record) == Record(1, "abc")


def test_a_share_stays_a_float_and_a_count_an_integer():
    assert [type(read(cursor(f"{{share: {share}}}"), Inner).share) for share in ("0.5", "50")] == [float, int]


@pytest.mark.parametrize(
    ("entry", "id", "message", "help"),
    [
        ("count: 0", "out-of-range", "`count` must be at least 1 and at most 10, found `0`", None),
        ("count: 11", "out-of-range", "`count` must be at least 1 and at most 10, found `11`", None),
        ("count: three", "wrong-type", '`count` must be a whole number, found the text "three"', None),
        (
            "count: '3'",
            "wrong-type",
            '`count` must be a whole number, found the text "3"',
            "remove the quotes",
        ),
        ("count: 1.5", "wrong-type", "`count` must be a whole number, found `1.5`", None),
        ("count: true", "wrong-type", "`count` must be a whole number, found `true`", None),
        ("flag: 1", "wrong-type", "`flag` must be `true` or `false`, found `1`", None),
        ("rate: fast", "wrong-type", '`rate` must be a number, found the text "fast"', None),
        ("text: [a]", "wrong-type", "`text` must be text, found a list", None),
        ("text: true", "wrong-type", "`text` must be text, found `true`", None),
        ("names: a", "wrong-type", '`names` must be a list, found the text "a"', None),
        ("weights: [1]", "wrong-type", "`weights` must be a map, found a list", None),
        ("inner: 3", "wrong-type", "`inner` must be a map, found `3`", None),
        ("inner: {share: 0}", "out-of-range", "`share` must be greater than 0, found `0`", None),
        (
            "inner: {mode: mix}",
            "wrong-choice",
            "`mode` must be one of `min`, `max`, found `mix`",
            "did you mean `min`?",
        ),
        ("inner: {mode: 3}", "wrong-choice", "`mode` must be one of `min`, `max`, found `3`", None),
        (
            "count: $seed",
            "wrong-type",
            "`count` must be a whole number, found `$seed`",
            "only arguments of objects may use values that come from the data or the graph",
        ),
    ],
)
def test_a_wrong_value_is_answered_with_what_was_found_and_what_was_expected(entry, id, message, help):
    base = {"count": "count: 1", "text": "text: abc"}
    others = [text for key, text in base.items() if not entry.startswith(key)]
    [fault] = faults(f"{{{', '.join([entry, *others])}}}")
    assert (fault[0], fault[1], fault[3]) == (id, message, help)


def test_faults_are_gathered_and_what_an_unknown_key_stands_for_is_not_missed():
    assert faults("{cuont: 3, rate: fast, names: [a, [b]], zebra: 1, inner: {shar: 1}}") == [
        ("unknown-key", "the spec has no key `cuont`", "cuont", "did you mean `count`?"),
        ("wrong-type", '`rate` must be a number, found the text "fast"', "fast", None),
        ("wrong-type", "`names[1]` must be text, found a list", "[b]", None),
        (
            "unknown-key",
            "the spec has no key `zebra`",
            "zebra",
            "known here: `count`, `text`, `flag`, `rate`, `names`, `weights`, `inner`",
        ),
        ("unknown-key", "`inner` has no key `shar`", "shar", "did you mean `share`?"),
        (
            "missing-key",
            "the spec has no `text`",
            "{cuont: 3, rate: fast, names: [a, [b]], zebra: 1, inner: {shar: 1}}",
            "add `text:`",
        ),
    ]


def test_values_of_vars_are_put_in_with_their_type():
    text = "{count: $n, text: run-$n, names: $list, rate: $(n / 2)}"
    assert read(cursor(text, n="3", list="[a, b]"), Record) == Record(3, "run-3", rate=1.5, names=("a", "b"))


def test_a_fault_of_a_value_of_vars_stands_where_it_is_used():
    assert faults("{count: $n, text: a}", n="many") == [
        ("wrong-type", '`count` must be a whole number, found the text "many"', "$n", None)
    ]


def test_a_double_dollar_is_a_dollar():
    assert read(cursor("{count: 1, text: 5$$}"), Record).text == "5$"


def test_every_unknown_value_is_found_and_brings_no_echo():
    help = "define it above under `vars:`, or write `$$` for a literal dollar"
    assert faults("{count: $m, text: $k, rate: $(1 // 0)}") == [
        ("unknown-value", "there is no value called `$m`", "$m", help),
        ("unknown-value", "there is no value called `$k`", "$k", help),
        ("bad-formula", "`$(1 // 0)` cannot be computed: division by zero", "$(1 // 0)", None),
    ]


def test_a_refused_scalar_brings_no_echo():
    assert [id for id, *_ in faults("{count: yes, text: abc}")] == ["ambiguous-scalar"]


def test_read_each_reads_on_after_a_fault():
    seen = []

    def unreadable(child: int) -> int:
        seen.append(child)
        raise Unreadable

    with pytest.raises(Unreadable):
        read_each([1, 2], unreadable)
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "a list"),
        ("{a: 1}", "a map"),
        ("~", "nothing"),
        ("true", "`true`"),
        ("3", "`3`"),
        ("1e-3", "`0.001`"),
        ("abc", 'the text "abc"'),
        ("$x", "`$x`"),
    ],
)
def test_a_node_is_described_in_words(text, said):
    root = parse_document(f"- {text}".encode(), "spec.yaml").root
    assert isinstance(root, Items)
    assert describe(root.items[0]) == said


def test_a_settled_dollar_is_text():
    span = parse_document(b"a", "spec.yaml").root.span
    assert describe(Scalar("$x", span, settled=True)) == 'the text "$x"'
