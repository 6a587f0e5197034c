import numpy as np
import pytest
from fakes import KERAS, machine

pytestmark = KERAS

UNIFORM = [
    [-0.5068875551223755, -0.06831753253936768, 1.0381970405578613],
    [-0.16180646419525146, -0.8177025318145752, -0.30019211769104004],
]
NORMAL = [[-0.5711220502853394, 0.5762057304382324], [0.2086697369813919, 0.9680206179618835]]


@pytest.fixture(autouse=True)
def keras():
    machine()
    import keras

    return keras


def drawn(keras, name, shape=(200, 100), dtype=None, **options):
    initializer = getattr(keras.initializers, name)(**{"seed": 7, **options})
    return keras.ops.convert_to_numpy(initializer(shape, dtype))


def test_the_first_weights_are_the_same_on_every_backend_and_in_every_version(keras):
    assert drawn(keras, "GlorotUniform", (2, 3)).tolist() == UNIFORM
    assert drawn(keras, "HeNormal", (2, 2)).tolist() == NORMAL


@pytest.mark.parametrize(
    ("name", "options", "mean", "deviation", "farthest"),
    [
        ("RandomUniform", {"minval": -1.0, "maxval": 3.0}, 1.0, 4 / 12**0.5, 2.0),
        ("RandomNormal", {"mean": 2.0, "stddev": 0.5}, 2.0, 0.5, 2.25),
        ("TruncatedNormal", {"mean": 2.0, "stddev": 0.5}, 2.0, 0.5 * 0.8796, 1.0),
        ("GlorotUniform", {}, 0.0, (2 / 300) ** 0.5, (6 / 300) ** 0.5),
        ("LecunNormal", {}, 0.0, (1 / 200) ** 0.5, 2 * (1 / 200) ** 0.5 / 0.8796),
    ],
)
def test_draws_follow_their_distributions(keras, name, options, mean, deviation, farthest):
    values = drawn(keras, name, **options)

    assert values.dtype == np.float32
    assert abs(values.mean() - mean) < 0.02 * deviation + 0.01 * abs(mean)
    assert abs(values.std() / deviation - 1) < 0.02
    assert np.abs(values - mean).max() <= farthest * 1.0001
    assert np.abs(values - mean).max() > farthest * 0.75


def test_a_seed_says_all_of_a_draw(keras):
    assert (drawn(keras, "HeNormal") == drawn(keras, "HeNormal")).all()
    assert (drawn(keras, "HeNormal") != drawn(keras, "HeNormal", seed=8)).mean() > 0.99
    assert (drawn(keras, "HeNormal", seed=-1) != drawn(keras, "HeNormal", seed=1)).mean() > 0.99


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_draws_come_in_the_dtype_that_is_asked_for(keras, dtype):
    assert drawn(keras, "GlorotUniform", dtype=dtype).dtype.name == dtype


@pytest.mark.parametrize("shape", [(6, 24), (24, 6), (3, 4, 5)])
def test_orthogonal_weights_are_orthogonal(keras, shape):
    flat = drawn(keras, "Orthogonal", shape).reshape(-1, shape[-1])
    small = flat if flat.shape[0] >= flat.shape[1] else flat.T

    np.testing.assert_allclose(small.T @ small, np.eye(small.shape[1]), atol=1e-6)


def test_a_generator_as_a_seed_goes_on_from_draw_to_draw(keras):
    seeds = keras.random.SeedGenerator(3)
    first, second = (drawn(keras, "HeNormal", seed=seeds) for _ in range(2))

    assert (first != second).mean() > 0.99


def test_a_single_number_can_be_drawn(keras):
    assert drawn(keras, "TruncatedNormal", ()).shape == ()
    assert drawn(keras, "RandomUniform", ()).shape == ()
