from kexp.export.layout import call, code, flat, keyword, lines, mapping, sequence, several


def test_what_fits_stays_on_one_line():
    dense = call(call(code("layers.Dense"), code("8"), keyword("activation", code('"relu"'))), code("x"))

    assert lines(("x = ", *dense), depth=1) == ['    x = layers.Dense(8, activation="relu")(x)']
    assert flat(several((code("8"),))) == "(8,)"
    assert flat(mapping((('"a"', sequence((code("1"), code("2")))),))) == '{"a": [1, 2]}'


def test_a_long_call_is_broken_where_there_is_something_to_break():
    arguments = (keyword(f"argument_number_{i}", code("1")) for i in range(4))
    layer = call(call(code("layers.Dense"), *arguments), code("x"))

    assert lines(("x = ", *layer)) == [
        "x = layers.Dense(",
        "    argument_number_0=1, argument_number_1=1, argument_number_2=1, argument_number_3=1",
        ")(x)",
    ]


def test_arguments_that_fit_no_line_together_stand_one_by_one():
    inner = call(
        code("keras.regularizers.L1L2"), *(keyword(f"strength_{i}", code("0.001")) for i in range(5))
    )
    layer = call(code("layers.Dense"), code("8"), keyword("kernel_regularizer", inner))

    assert lines(("x = ", *layer)) == [
        "x = layers.Dense(",
        "    8,",
        "    kernel_regularizer=keras.regularizers.L1L2(",
        "        strength_0=0.001,",
        "        strength_1=0.001,",
        "        strength_2=0.001,",
        "        strength_3=0.001,",
        "        strength_4=0.001,",
        "    ),",
        ")",
    ]


def test_a_text_without_brackets_is_left_alone():
    assert lines(code("# " + "long " * 30)) == ["# " + "long " * 30]
