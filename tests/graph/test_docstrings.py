from kexp.graph.docstrings import ARGUMENTS, CALL, argument_lines, paragraph, sentence


class Layer:
    """Divides ``inputs`` by
    two..

    More words.

    Args:
        units: Positive integer. `None` means `"auto"`, and
            `True` is see [here](https://example.org/a).
        low, high: the ends (e.g. 0 and 1). A second sentence.
        flag: Boolean. Whether it matters (default: `False`).
            Not shown.
        other: belongs to nobody.
        last (float): ends
            without a stop
    Call arguments:
        inputs: A tensor.

    Example:
        units: not an argument.
    """


def ours(site, path):
    """Read a file.

    path: one file, or
        several
    site: where

    Raises: no-file; no-reader,
        no-folder.
    """


def test_the_first_paragraph_is_one_line():
    assert paragraph(Layer) == "Divides `inputs` by two."


def test_an_argument_has_its_first_sentence_that_says_something():
    names = ["units", "low", "high", "flag", "last", "missing"]
    assert argument_lines(Layer, names, ARGUMENTS) == {
        "units": 'Positive integer. `null` means "auto", and `true` is see here.',
        "low": "the ends (e.g. 0 and 1). A second sentence.",
        "high": "the ends (e.g. 0 and 1). A second sentence.",
        "flag": "Boolean. Whether it matters (default: `false`).",
        "last": "ends without a stop",
    }


def test_the_arguments_of_a_call_stand_in_a_section_of_their_own():
    assert argument_lines(Layer, ["inputs", "units"], CALL) == {"inputs": "A tensor."}


def test_our_own_docstrings_list_arguments_without_a_title():
    assert argument_lines(ours, ["path"], ARGUMENTS) == {"path": "one file, or several"}


def test_a_long_line_is_cut_between_words():
    class Long:
        pass

    Long.__doc__ = f"Long.\n\nArgs:\n    a: {'word ' * 60}"
    line = argument_lines(Long, ["a"], ARGUMENTS)["a"]
    assert line == " ".join(["word"] * 40) + " …"


def test_a_sentence_begins_with_a_capital_and_ends_with_a_stop():
    assert [sentence(text) for text in ("int, or none", "Ends:", "`x`.", "cut …")] == [
        "Int, or none.",
        "Ends.",
        "`x`.",
        "Cut …",
    ]
