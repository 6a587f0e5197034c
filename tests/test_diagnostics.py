import pytest

from kexp.diagnostics import (
    Diagnostic,
    Related,
    Source,
    Span,
    in_order,
    printable,
    render,
    unambiguous,
)

SPEC = Source("spec.yaml", "kexp: 1\nmodel:\n  layers:\n    - Dense: {unit: 10}\n")
UNIT = Span(SPEC, 4, 15, 4, 19)


def test_a_diagnostic_shows_its_place_the_line_and_the_way_out():
    fault = Diagnostic(
        "unknown-argument",
        "`Dense` has no argument `unit`",
        "model.layers[0].Dense.unit",
        UNIT,
        "did you mean `units`?",
    )
    assert render([fault]) == (
        "error[unknown-argument]: `Dense` has no argument `unit`\n"
        " --> spec.yaml:4:15  (model.layers[0].Dense.unit)\n"
        "  |\n"
        "4 |     - Dense: {unit: 10}\n"
        "  |               ^^^^\n"
        "help: did you mean `units`?"
    )


def test_the_gutter_is_as_wide_as_the_line_number():
    source = Source("spec.yaml", "\n" * 99 + "epoch: 3\n")
    assert render([Diagnostic("unknown-key", "no key `epoch`", span=Span(source, 100, 1, 100, 6))]) == (
        "error[unknown-key]: no key `epoch`\n   --> spec.yaml:100:1\n    |\n100 | epoch: 3\n    | ^^^^^"
    )


def test_a_diagnostic_without_a_span_shows_its_path_or_nothing():
    assert (
        render([Diagnostic("bad", "it is bad", "data.target")]) == "error[bad]: it is bad\n  --> data.target"
    )
    assert render([Diagnostic("bad", "it is bad")]) == "error[bad]: it is bad"


def test_a_span_over_several_lines_is_underlined_to_the_end_of_its_first():
    fault = Diagnostic("bad", "it is bad", span=Span(SPEC, 2, 1, 4, 3))
    assert render([fault]).splitlines()[-1] == "  | ^^^^^^"


def test_an_empty_span_is_still_marked():
    assert (
        render([Diagnostic("bad", "it is bad", span=Span(SPEC, 2, 7, 2, 7))]).splitlines()[-1]
        == "  |       ^"
    )


def test_a_related_place_is_drawn_below_with_its_label():
    first = Related("first defined here", Span(SPEC, 1, 1, 1, 5))
    assert render([Diagnostic("twice", "`kexp` stands twice", span=UNIT, related=(first,))]) == (
        "error[twice]: `kexp` stands twice\n"
        " --> spec.yaml:4:15\n"
        "  |\n"
        "4 |     - Dense: {unit: 10}\n"
        "  |               ^^^^\n"
        " --> spec.yaml:1:1\n"
        "  |\n"
        "1 | kexp: 1\n"
        "  | ^^^^ first defined here"
    )


def test_detail_is_indented_between_the_excerpt_and_the_help():
    fault = Diagnostic("keras", "Keras refuses it", detail="first line\n\nthird line", help="mend it")
    assert render([fault]) == "error[keras]: Keras refuses it\n  first line\n\n  third line\nhelp: mend it"


def test_paint_gets_every_role_and_never_changes_the_text():
    roles = []

    def paint(text: str, role: str) -> str:
        roles.append(role)
        return text

    faults = [Diagnostic("a", "one", span=UNIT, help="h"), Diagnostic("b", "two", "path", severity="warning")]
    assert render(faults, paint) == render(faults)
    assert set(roles) == {"error", "warning", "place", "mark", "help"}


def test_control_characters_are_replaced_and_tabs_keep_their_column():
    assert printable("a\tb\x1b[31m\r\nc") == "a b\ufffd[31m\ufffd\nc"
    source = Source("spec.yaml", "\tx: 1")
    assert render([Diagnostic("bad", "bad", span=Span(source, 1, 2, 1, 3))]).splitlines()[-2:] == [
        "1 |  x: 1",
        "  |  ^",
    ]


def test_faults_are_sorted_by_place_within_files_in_the_order_of_their_first_fault():
    other = Source("base.yaml", "a: 1\nb: 2\n")
    late = Diagnostic("late", "late", span=Span(SPEC, 4, 1, 4, 2))
    base = Diagnostic("base", "base", span=Span(other, 2, 1, 2, 2))
    early = Diagnostic("early", "early", span=Span(SPEC, 1, 3, 1, 4))
    earliest = Diagnostic("earliest", "earliest", span=Span(SPEC, 1, 1, 1, 2))
    assert in_order([late, base, early, earliest]) == [earliest, early, late, base]


def test_exact_repeats_are_dropped():
    fault = Diagnostic("bad", "it is bad", span=UNIT)
    assert in_order([fault, fault, Diagnostic("bad", "it is bad", span=UNIT)]) == [fault]


def test_a_source_counts_lines_as_yaml_does():
    source = Source("x", "a\r\nb\x85c\u2028d\re\x0cf\n")
    assert [source.line(n) for n in range(8)] == ["", "a", "b", "c", "d", "e\x0cf", "", ""]
    assert source.place(source.text.index("d")) == (4, 1)
    assert source.place(source.text.index("f")) == (5, 3)


def test_a_span_knows_its_text_and_its_parts():
    assert UNIT.text == "unit"
    assert UNIT.part(1, 2).text == "ni"
    assert Span(SPEC, 2, 3, 4, 2).text == "del:"
    assert str(UNIT) == "spec.yaml:4:15"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("val_loss", "val_loss"),
        ("v\u0430l_loss", "v\\u0430l_loss"),
        ("\uff41dam", "\\uff41dam"),
        ("\u043e\u0446\u0435\u043d\u043a\u0430 val_loss", "\u043e\u0446\u0435\u043d\u043a\u0430 val_loss"),
        ("\u0394loss na\u00efve \u03bcm", "\u0394loss na\u00efve \u03bcm"),
        ("a\nb\tc\x1b[2J\u202e", "a b c\ufffd[2J\ufffd"),
        ("x" * 3000, f"{'x' * 2000}…"),
    ],
)
def test_letters_that_only_look_like_ascii_are_escaped(text, shown):
    assert unambiguous(text) == shown


def test_of_a_long_line_what_surrounds_the_place_is_shown():
    source = Source("spec.yaml", f"{'a' * 1000}MARK{'b' * 1000}")
    text = render([Diagnostic("bad", "bad", span=Span(source, 1, 1001, 1, 1005))])

    *_, line, mark = text.splitlines()
    assert line == f"1 | …{'a' * 150}MARK{'b' * 146}…"
    assert mark == f"  | {' ' * 151}^^^^"


def test_what_is_said_cannot_write_lines_of_its_own():
    fault = Diagnostic("bad", "bad\nhelp: nothing", path="a\n-->b", help="mend\nit")

    assert render([fault]) == "error[bad]: bad help: nothing\n  --> a -->b\nhelp: mend it"
