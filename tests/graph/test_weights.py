import hashlib
import io

import ml_dtypes
import numpy as np
import pytest
from fakes import KERAS, info

from kexp.errors import RunRefused

pytestmark = KERAS

TEXT = "{layers: [{Dense -> a: 3}, BatchNormalization, {Dropout: 0.1}, {Dense: 1}]}"
KEYS = [
    *("model/a/0", "model/a/1"),
    *(f"model/batch_normalization/{index}" for index in range(4)),
    "model/dropout/0",
    *("model/dense/0", "model/dense/1"),
]


def variables(build, text=TEXT):
    from kexp.graph.weights import model_variables

    return model_variables(build(text, info({"x": (4,)})).model)


def test_keys_are_layer_names_and_positions_with_seed_generators_whatever_was_built_before(build):
    import keras

    assert list(variables(build)) == KEYS
    [keras.layers.Dense(2) for _ in range(3)]
    assert list(variables(build)) == KEYS


def test_a_shared_layer_s_variables_have_one_key(build):
    text = "{layers: [{Dense -> a: 4}, {reuse: a}, {Dense: 1}]}"

    assert list(variables(build, text)) == ["model/a/0", "model/a/1", "model/dense/0", "model/dense/1"]


def test_arrays_come_back_into_another_build_of_the_same_model(build):
    from kexp.graph.weights import arrays_of, assign, weights_sha256

    arrays = {key: array + 1 for key, array in arrays_of(variables(build)).items()}
    second = variables(build)
    assign(second, arrays)

    assert weights_sha256(arrays_of(second)) == weights_sha256(arrays)


def test_arrays_are_copies_and_no_views_of_what_is_trained(build):
    from kexp.graph.weights import arrays_of

    held = variables(build)
    before = [np.array(variable) for variable in held.values()]
    for array in arrays_of(held).values():
        array += 1

    assert all(np.array_equal(old, new) for old, new in zip(before, held.values(), strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEXT.replace("a: 3", "a: 5"),
            "`model/a/0` is float32[4, 5] in the file and float32[4, 3] in the model",
        ),
        (TEXT.replace("-> a", "-> b"), "`model/a/0` is absent in the file and float32[4, 3] in the model"),
        (
            TEXT.replace("{Dense: 1}", "{Dense: 1}, ReLU, {Dense: 1}"),
            "`model/dense_1/0` is float32[1, 1] in the file and absent in the model",
        ),
    ],
)
def test_arrays_of_another_model_are_refused(build, text, message):
    from kexp.graph.weights import arrays_of, assign

    with pytest.raises(RunRefused) as caught:
        assign(variables(build), arrays_of(variables(build, text)))
    assert str(caught.value) == (
        f"error[checkpoint-mismatch]: the checkpoint does not fit the model: {message}\n"
        "help: the run's resolved.yaml and its checkpoints must come from the same run"
    )


ARRAYS = {
    "model/a/0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "model/a/1": np.arange(4).astype(ml_dtypes.bfloat16),
    "model/b/0": np.float16([[1.5]]),
    "model/c/0": np.int64(7).reshape(()),
    "model/d/0": np.array([1, 2], np.uint32),
    "model/e/0": np.array([True, False]),
    "model/f/0": np.zeros((0, 3), np.float32),
    "model/g/0": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def test_packed_arrays_come_back_whole():
    from kexp.graph.checkpoint import pack, unpack

    found = unpack(b"".join(pack(ARRAYS, {"step": 3})), "best.safetensors")

    assert {key: (a.dtype, a.shape, a.tolist()) for key, a in found.items()} == {
        key: (a.dtype, a.shape, a.tolist()) for key, a in ARRAYS.items()
    }


def test_packed_arrays_are_what_the_library_reads_and_lie_where_their_numbers_may():
    from safetensors import deserialize

    from kexp.graph.checkpoint import _checked, pack

    data = b"".join(pack(ARRAYS, {"name": "Grüße"}))
    places = _checked(io.BytesIO(data), "best", len(data)).places

    assert {key: (found["shape"], bytes(found["data"])) for key, found in deserialize(data)} == {
        key: ([*array.shape], array.tobytes()) for key, array in ARRAYS.items()
    }
    assert [key for key, place in places.items() if place.start % place.dtype.itemsize] == []


def test_a_large_array_is_packed_without_a_copy_and_small_ones_are_one_piece():
    from kexp.graph.checkpoint import pack

    large = np.ones(1 << 20, np.float32)
    pieces = pack({**ARRAYS, "model/z/0": large})

    assert [isinstance(piece, memoryview) for piece in pieces] == [False, True, False]
    assert np.shares_memory(np.frombuffer(pieces[1], np.float32), large)


def test_a_checkpoint_that_was_cut_off_is_refused():
    from kexp.graph.checkpoint import pack, unpack

    for size in (0, 4, 100, -1):
        with pytest.raises(RunRefused) as caught:
            unpack(b"".join(pack(ARRAYS))[:size], "best.safetensors")
        (fault,) = caught.value.diagnostics
        assert fault.id == "checkpoint-corrupt"
        assert fault.message.startswith("`best.safetensors` is not a whole checkpoint: ")
        assert fault.help == "choose another with `--checkpoint best` or `--checkpoint last`"


def test_the_hash_is_over_key_dtype_shape_and_data():
    from kexp.graph.weights import weights_sha256

    array = np.array([[1.0, 2.0]], np.float32)

    expected = hashlib.sha256(b"model/a/0\0float32\0(1, 2)\0" + array.tobytes()).hexdigest()
    assert weights_sha256({"model/a/0": array}) == expected
    assert (
        len({weights_sha256({"model/a/0": a}) for a in (array, array.T, array.astype("float64"), -array)})
        == 4
    )


def test_a_saved_model_loads_with_plain_keras_and_predicts_the_same(build, tmp_path):
    import keras

    text = """
  inputs: {image: [16, 16, 1]}
  layers:
    - Rescaling: 0.1
    - Conv2D: {filters: 4, kernel_size: 3, kernel_regularizer: {L2: 1e-4}}
    - BatchNormalization
    - model -> body: {layers: [ReLU, {Dropout: 0.2}, {Conv2D: {filters: 2, kernel_size: 3}}]}
    - TimeDistributed: {model: {layers: [{Dense: 3}, ReLU]}}
    - Flatten
    - Dense: 1
"""
    model = build(text, info({"image": (16, 16, 1)})).model
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    x = np.random.default_rng(0).random((4, 16, 16, 1), np.float32)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
