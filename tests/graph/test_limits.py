import pytest
from fakes import KERAS, machine

from kexp.spec.formula import FormulaError

pytestmark = KERAS


@pytest.fixture(scope="module", autouse=True)
def backend():
    return machine()


def test_constants_are_made_up_to_a_bound():
    from kexp.graph.limits import operation

    assert operation("ones")((2, 3)).shape == (2, 3)
    with pytest.raises(FormulaError) as caught:
        operation("ones")((100_000, 100_000))

    assert str(caught.value) == "`ones` makes 10,000,000,000 constants, and 100,000,000 are enough"


def test_tensors_of_the_graph_may_be_as_large_as_the_data():
    import keras

    from kexp.graph.limits import operation

    assert operation("tile")(keras.Input((10,)), (1, 10**9)).shape == (None, 10**10)


@pytest.mark.parametrize("name", ["__import__", "__setattr__", "image", "numpy"])
def test_only_functions_of_keras_ops_are_operations(name):
    from kexp.graph.limits import operation

    with pytest.raises(FormulaError) as caught:
        operation(name)

    assert str(caught.value) == f"`keras.ops` has no function `{name}`"


def test_weights_beyond_the_bound_are_never_made():
    import keras

    from kexp.graph.limits import TooLarge, bounded_model

    with pytest.raises(TooLarge) as caught, bounded_model(10**6):
        keras.layers.Dense(10**9).build((None, 10**6))

    assert str(caught.value) == "its weights take more than 1 MB"
    layer = keras.layers.Dense(10**6)
    layer.build((None, 1))
    assert layer.kernel.shape == (1, 10**6)


def test_layers_beyond_the_bound_are_never_made():
    import keras

    from kexp.graph.limits import TooLarge, bounded_model

    with pytest.raises(TooLarge) as caught, bounded_model(10**6, most_layers=10):
        for _ in range(11):
            keras.layers.Flatten()

    assert str(caught.value) == "it has more than 10 layers"


def test_what_the_layers_of_a_model_give_is_bounded_by_the_rows():
    import keras

    from kexp.graph.limits import TooLarge, check_tensors

    inner = keras.Sequential([keras.Input((4,)), keras.layers.RepeatVector(1000, name="many")], name="inner")
    given = keras.Input((4,))
    model = keras.Model(given, keras.layers.Flatten()(inner(given))[:, :1])
    check_tensors(model, 10, 10**6)
    with pytest.raises(TooLarge) as caught:
        check_tensors(model, 100, 10**6)

    assert str(caught.value) == "`inner` gives [any, 1,000, 4]"
