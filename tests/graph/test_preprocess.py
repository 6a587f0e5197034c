"""Layers before the model: what they make of columns, what they learn, and what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.document import parse_document
from kexp.errors import DataError, KexpError, SpecError
from kexp.protocols import DataInfo, Samples, TensorInfo, Units
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

SPEC = """\
seed: 1
data: {{source: npz, path: d.npz}}
preprocess: {preprocess}
model: {{layers: [{{Dense: 1}}]}}
train: {{optimizer: sgd, loss: mse}}
"""
CITIES = np.array(["Oslo", "Rome", "Oslo", "Bern", "Rome", "Oslo"])
AGES = np.array([[20.0], [30], [40], [50], [60], [70]], np.float32)


def kind(array):
    return "str" if array.dtype.kind == "U" else array.dtype.name


@pytest.fixture
def made(tmp_path):
    """Build and adapt the layers of `preprocess` on columns; a target is among the samples' targets."""
    machine()

    def make(preprocess, targets=None, restored=False, **inputs):
        from kexp.graph.adapting import adapt
        from kexp.graph.construct import Context
        from kexp.graph.pipelines import build_preprocessing

        text = SPEC.format(preprocess=preprocess)
        experiment = parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))
        columns = [
            tuple(TensorInfo(name, array.shape[1:], kind(array)) for name, array in arrays.items())
            for arrays in (inputs, targets or {})
        ]
        info = DataInfo(*columns, classes={}, num_classes={}, sizes={"train": 6})
        context = Context(1, tmp_path, {})
        preprocessing = build_preprocessing(experiment.preprocess, info, context, restored)
        if not restored:
            adapt(preprocessing, Samples(inputs, targets or {}))
        return preprocessing

    return make


def fault(error):
    return [(d.id, d.message, d.path, d.help) for d in error.value.diagnostics]


# ---------------------------------------------------------------- what layers make of columns


def test_words_become_numbers_by_how_often_training_has_them(made):
    preprocessing = made("{city: StringLookup}", city=CITIES)

    numbers = preprocessing.compute("city", {"city": np.array(["Oslo", "Rome", "Bern", "Paris"])})
    assert (numbers.dtype, numbers.tolist()) == (np.int32, [[1], [2], [3], [0]])


def test_single_values_and_columns_of_one_give_the_same(made):
    preprocessing = made("{city: {StringLookup: {output_mode: one_hot}}}", city=CITIES)

    flat = preprocessing.compute("city", {"city": CITIES})
    np.testing.assert_array_equal(flat, preprocessing.compute("city", {"city": CITIES[:, None]}))
    assert (flat.dtype, flat.shape) == (np.int32, (6, 4))


def test_sentences_become_rows_of_one_length(made):
    preprocessing = made(
        "{t: {TextVectorization: {output_sequence_length: 3}}}", t=np.array(["a b b", "b c", "b"])
    )
    numbers = preprocessing.compute("t", {"t": np.array(["b a", "c b a b", "z"])})
    assert (numbers.dtype, numbers.tolist()) == (np.int32, [[2, 4, 0], [3, 2, 4], [1, 0, 0]])


def test_numbers_are_normalized_by_the_training_split(made):
    preprocessing = made("{age: Normalization}", age=AGES)

    seen = preprocessing.compute("age", {"age": np.array([[45.0], [45 + 17.078251]], np.float32)})
    np.testing.assert_allclose(seen, [[0], [1]], atol=1e-6)
    assert seen.dtype == np.float32


def test_several_columns_stand_side_by_side(made):
    heights = AGES[::-1] * 2
    preprocessing = made("{both: {from: [age, height], layers: Normalization}}", age=AGES, height=heights)

    seen = preprocessing.compute("both", {"age": AGES, "height": heights})
    assert seen.shape == (6, 2)
    np.testing.assert_allclose(seen[:, 0], -seen[:, 1], atol=1e-6)


def test_words_of_several_columns_are_counted_together(made):
    tags = {"first": np.array(["a", "b"]), "second": np.array(["b", "c"])}
    preprocessing = made(
        "{tags: {from: [first, second], layers: {StringLookup: {output_mode: multi_hot}}}}", **tags
    )
    assert preprocessing.compute("tags", tags).tolist() == [[0, 1, 0, 1], [0, 1, 1, 0]]


def test_columns_are_crossed_as_they_are_or_after_another_entry(made):
    preprocessing = made(
        "{decade: {from: age, layers: {Discretization: {num_bins: 3}}},"
        " place: {from: [decade, city], layers: {HashedCrossing: {num_bins: 8, output_mode: one_hot}}}}",
        age=AGES,
        city=CITIES,
    )
    columns = {"age": AGES, "city": CITIES}
    assert preprocessing.columns("place") == ("age", "city")
    assert preprocessing.in_order == ("decade", "place")
    assert preprocessing.compute("decade", columns).tolist() == [[0], [1], [1], [2], [2], [2]]
    assert preprocessing.compute("place", columns).sum(axis=1).tolist() == [1] * 6


def test_an_entry_named_after_its_column_leaves_the_column_to_others(made):
    preprocessing = made(
        "{city: {StringLookup: {output_mode: one_hot}},"
        " number: {from: city, layers: StringLookup},"
        " again: {from: number, layers: {CategoryEncoding: {num_tokens: 4}}}}",
        city=CITIES,
    )
    rome = {"city": np.array(["Rome"])}
    assert preprocessing.compute("city", rome).tolist() == [[0, 0, 1, 0]]
    assert preprocessing.compute("number", rome).tolist() == [[2]]
    assert preprocessing.compute("again", rome).tolist() == [[0, 0, 1, 0]]


def test_whole_numbers_may_come_as_floats(made):
    codes = np.array([[7.0], [7], [9]], np.float32)
    preprocessing = made("{code: IntegerLookup, bin: {from: code, layers: {Hashing: 4}}}", code=codes)

    assert preprocessing.compute("code", {"code": codes}).tolist() == [[1], [1], [2]]
    assert preprocessing.compute("bin", {"code": codes}).dtype == np.int32


def test_images_are_resized_and_keep_few_bytes(made):
    images = np.zeros((2, 8, 8, 3), np.uint8)
    preprocessing = made("{image: [{Resizing: {height: 4, width: 4}}, {Rescaling: 0.5}]}", image=images)

    seen = preprocessing.compute("image", {"image": images})
    assert (seen.dtype, seen.shape) == (np.float32, (2, 4, 4, 3))


def test_sounds_become_mel_spectrograms(made):
    sounds = np.random.default_rng(0).normal(size=(2, 2048)).astype(np.float32)
    preprocessing = made(
        "{sound: {MelSpectrogram: {num_mel_bins: 16, fft_length: 256, sequence_stride: 128}}}", sound=sounds
    )
    assert preprocessing.compute("sound", {"sound": sounds}).shape == (2, 16, 17)


def test_a_layer_and_a_function_of_ones_own(made, tmp_path):
    (tmp_path / "own.py").write_text(
        "import keras\n\n\n"
        "class Centred(keras.layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.middle = self.add_weight(shape=(shape[-1],), trainable=False, name='middle')\n\n"
        "    def adapt(self, data):\n"
        "        self.build(data.shape)\n"
        "        self.middle.assign(data.mean(axis=0))\n\n"
        "    def call(self, x):\n"
        "        return x - self.middle\n\n\n"
        "def doubled(x):\n"
        "    return x * 2\n"
    )
    preprocessing = made('{age: ["own.py:Centred", "own.py:doubled"]}', age=AGES)

    assert preprocessing.compute("age", {"age": AGES}).ravel().tolist() == [-50, -30, -10, 10, 30, 50]


def test_a_vocabulary_is_read_from_a_file_beside_the_spec(made, tmp_path):
    (tmp_path / "cities.txt").write_text("Rome\nOslo\n")
    preprocessing = made("{city: {StringLookup: {vocabulary: cities.txt}}}", city=CITIES)

    assert preprocessing.compute("city", {"city": CITIES}).ravel().tolist() == [2, 1, 2, 0, 1, 2]


def test_layers_compute_in_full_precision_whatever_the_model_does(made):
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        preprocessing = made("{age: Normalization}", age=AGES)
    finally:
        keras.config.set_dtype_policy("float32")
    assert preprocessing.compute("age", {"age": AGES}).dtype == np.float32


# ---------------------------------------------------------------- what was learnt


@pytest.mark.parametrize(
    ("preprocess", "columns"),
    [
        ("{city: StringLookup}", {"city": CITIES}),
        ("{city: {StringLookup: {output_mode: tf_idf}}}", {"city": CITIES[:, None]}),
        (
            "{city: {StringLookup: {mask_token: Oslo, num_oov_indices: 2}}}",
            {"city": CITIES},
        ),
        ("{t: {TextVectorization: {output_sequence_length: 4, ngrams: 2}}}", {"t": np.array(["a b", "é ß"])}),
        ("{t: {TextVectorization: {output_mode: tf_idf}}}", {"t": np.array(["a b", "b", "c c"])}),
        ("{code: {IntegerLookup: {output_mode: one_hot}}}", {"code": np.array([3, 3, 5])}),
        ("{age: {Discretization: {num_bins: 3}}}", {"age": AGES}),
        ("{age: Normalization}", {"age": AGES}),
        ("{image: {Normalization: {axis: null}}}", {"image": np.arange(32.0).reshape(2, 4, 4)}),
    ],
)
def test_what_a_layer_learnt_is_plain_json_and_comes_back_to_the_bit(made, preprocess, columns):
    from kexp.graph.layer_state import restore_state, state_of

    first = made(preprocess, **columns)
    again = made(preprocess, restored=True, **columns)
    ((entry, (layer,)),) = first.layers.items()
    restore_state(again.layers[entry][0], json.loads(json.dumps(state_of(layer))))

    before, after = (each.compute(entry, columns) for each in (first, again))
    assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes())
    assert state_of(again.layers[entry][0]) == state_of(layer)


def test_what_is_learnt_can_be_read(made):
    from kexp.graph.layer_state import state_of

    assert state_of(made("{city: StringLookup}", city=CITIES).layers["city"][0]) == {
        "vocabulary": ["[UNK]", "Oslo", "Rome", "Bern"]
    }
    assert state_of(made("{age: {Discretization: {num_bins: 2}}}", age=AGES).layers["age"][0]) == {
        "bin_boundaries": [40.0]
    }
    assert state_of(made("{age: Normalization}", age=AGES).layers["age"][0]) == {
        "input_shape": [1],
        "mean": [45.0],
        "variance": [pytest.approx(291.666667)],
    }


def test_layers_learn_alike_from_chunks_and_from_the_whole(made, monkeypatch):
    whole = made("{age: Normalization, city: StringLookup}", age=AGES, city=CITIES)
    monkeypatch.setattr("kexp.graph.chunks.CHUNK_BYTES", 40)
    parts = made("{age: Normalization, city: StringLookup}", age=AGES, city=CITIES)

    columns = {"age": AGES, "city": CITIES}
    assert parts.compute("city", columns).tolist() == whole.compute("city", columns).tolist()
    np.testing.assert_allclose(parts.compute("age", columns), whole.compute("age", columns), atol=1e-6)


def test_what_an_entry_depends_on_is_its_layers_and_what_they_learnt(made, tmp_path):
    from kexp.graph.adapting import settings_of

    (tmp_path / "own.py").write_text("def doubled(x):\n    return x * 2\n")
    texts = [
        settings_of(made(f"{{{preprocess}}}", age=ages), "seen")
        for preprocess, ages in (
            ("seen: {from: age, layers: Normalization}", AGES),
            ("seen: {from: age, layers: Normalization}", AGES + 1),
            ("seen: {from: age, layers: {Discretization: {num_bins: 2}}}", AGES),
            ("twice: {from: age, layers: {Rescaling: 2}}, seen: {from: twice, layers: {Rescaling: 1}}", AGES),
            ("twice: {from: age, layers: {Rescaling: 3}}, seen: {from: twice, layers: {Rescaling: 1}}", AGES),
        )
    ]
    assert len(set(texts)) == 5
    assert texts[0] == settings_of(made("{seen: {from: age, layers: Normalization}}", age=AGES), "seen")
    assert settings_of(made('{age: "own.py:doubled"}', age=AGES), "age") is None


# ---------------------------------------------------------------- what the model sees


def described(preprocessing, declared=(), **columns):
    from kexp.graph.adapting import described

    targets = columns.pop("targets", {})
    return described(preprocessing, set(declared), Samples(columns, targets))


def test_the_model_sees_entries_and_the_columns_that_none_takes(made):
    columns = {"age": AGES, "city": CITIES, "height": AGES}
    preprocessing = made("{place: {from: city, layers: StringLookup}, age: {Hashing: 5}}", **columns)

    info = described(preprocessing, **columns)
    assert info.inputs == (
        TensorInfo("height", (1,), "float32"),
        TensorInfo("place", (1,), "int32"),
        TensorInfo("age", (1,), "int32"),
    )
    assert info.vocabulary_sizes == {"place": 4, "age": 5}


def test_a_column_that_the_model_names_itself_stays(made):
    preprocessing = made("{z: {from: age, layers: Normalization}}", age=AGES)

    info = described(preprocessing, declared=["age", "z"], age=AGES)
    assert [tensor.name for tensor in info.inputs] == ["age", "z"]


def test_a_normalized_target_is_turned_back(made):
    from kexp.graph.units import restored

    prices = np.array([1e5, 2e5, 3e5, 2e5, 1e5, 3e5], np.float32)
    preprocessing = made("{price: [{Rescaling: 0.001}, Normalization]}", targets={"price": prices}, age=AGES)
    info = described(preprocessing, age=AGES, targets={"price": prices})
    seen = preprocessing.compute("price", {"price": prices})

    assert preprocessing.targets == ("price",)
    assert info.targets == (TensorInfo("price", (), "float32"),)
    assert (seen.shape, seen.std()) == ((6,), pytest.approx(1))
    assert info.units == {"price": Units((pytest.approx(81649.66),), (pytest.approx(2e5),))}
    np.testing.assert_allclose(restored(seen[:, None], info.units["price"])[:, 0], prices, rtol=1e-6)


def test_metrics_compare_in_the_datas_own_units():
    machine()
    import keras

    from kexp.graph.units import with_units

    units = {"price": Units((10.0,), (100.0,))}
    absolute, own = with_units(["mae", keras.metrics.RootMeanSquaredError(name="rmse")], units)
    for metric in (absolute, own):
        metric.update_state(np.array([0.0, 1.0]), np.array([[0.5], [1.0]]))
    assert (absolute.name, float(absolute.result())) == ("mae", 2.5)
    assert (own.name, float(own.result())) == ("rmse", pytest.approx(12.5**0.5))
    assert with_units({"other": ["mae"]}, units) == {"other": ["mae"]}


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("preprocess", "columns", "expected"),
    [
        (
            "{cty: StringLookup}",
            {"city": CITIES},
            ("unknown-column", "the data has no input `cty`", "preprocess.cty", "did you mean `city`?"),
        ),
        (
            "{x: {from: [city, nothing], layers: {HashedCrossing: 4}}}",
            {"city": CITIES, "age": AGES},
            (
                "unknown-column",
                "the data has no input `nothing`",
                "preprocess.x.from[1]",
                "it has `city`, `age`",
            ),
        ),
        (
            "{city: Normalization}",
            {"city": CITIES},
            (
                "text-input",
                "`Normalization` takes numbers, and `city` holds text",
                "preprocess.city",
                "`TextVectorization` makes numbers of sentences, `StringLookup` and `Hashing` of words",
            ),
        ),
        (
            "{age: TextVectorization}",
            {"age": AGES},
            (
                "number-input",
                "`TextVectorization` takes text, and `age` holds numbers",
                "preprocess.age",
                "`IntegerLookup` is for whole numbers, `Discretization` for all",
            ),
        ),
        (
            "{x: {from: [age, city], layers: StringLookup}}",
            {"age": AGES, "city": CITIES},
            (
                "mixed-columns",
                "text and numbers cannot stand side by side",
                "preprocess.x.from",
                "give each an entry of its own, or cross them by `HashedCrossing`",
            ),
        ),
        (
            "{t: TextVectorization}",
            {"t": np.array(["a b c", "a", "a b c d"])},
            (
                "free-length",
                "`TextVectorization` makes rows of different lengths, and an input of the model has one",
                "preprocess.t.TextVectorization",
                "add `output_sequence_length: 4`: 95% of the training texts are no longer",
            ),
        ),
        (
            "{age: [{RandomRotation: 0.1}]}",
            {"age": np.zeros((2, 4, 4, 1), np.float32)},
            (
                "random-layer",
                "`RandomRotation` draws random numbers, and `preprocess` runs once on all data",
                "preprocess.age[0].RandomRotation",
                "put it under `augment`",
            ),
        ),
    ],
)
def test_what_cannot_be_prepared_is_refused_at_its_place(made, preprocess, columns, expected):
    with pytest.raises(SpecError) as caught:
        made(preprocess, **columns)
    assert fault(caught) == [expected]


@pytest.mark.parametrize(
    ("preprocess", "column", "expected"),
    [
        (
            "{c: {CategoryEncoding: {num_tokens: 4}}}",
            np.array([[1.0], [2.5]], np.float32),
            (
                "not-whole",
                "`CategoryEncoding` takes whole numbers, and `c` holds 2.5",
                "preprocess.c",
                "`Discretization` numbers all values",
            ),
        ),
        (
            "{c: IntegerLookup}",
            np.array([[1.0], [2**24 + 2]], np.float32),
            (
                "digits-lost",
                "`c` holds more than 16,777,216, where float32 leaves numbers out",
                "preprocess.c",
                "read them as `dtype: float64` under `data`",
            ),
        ),
        (
            "{c: {TextVectorization: {output_sequence_length: 4}}}",
            np.array(["...", "!"]),
            (
                "empty-vocabulary",
                "`c` holds nothing in the training split to make a vocabulary of",
                "preprocess.c.TextVectorization",
                None,
            ),
        ),
        (
            "{c: {StringLookup: {vocabulary: [a, b], num_oov_indices: 0}}}",
            np.array(["a", "z"]),
            (
                "unknown-term",
                "`c` holds what the vocabulary of `StringLookup` does not have: found OOV values",
                "preprocess.c.StringLookup",
                "`num_oov_indices: 1` makes one number of all that is unknown",
            ),
        ),
    ],
)
def test_data_that_a_layer_cannot_take_is_refused(made, preprocess, column, expected):
    with pytest.raises(DataError) as caught:
        made(preprocess, c=column).compute("c", {"c": column})
    ((id, message, path, help),) = fault(caught)
    assert (id, message[: len(expected[1])], path, help) == expected


@pytest.mark.parametrize(
    ("preprocess", "columns", "expected"),
    [
        (
            "{age: [{Dense: 3}]}",
            {"age": AGES},
            (
                "layer-with-weights",
                "`Dense` has weights to train, and nothing is trained in `preprocess`",
                "preprocess.age[0].Dense",
                "put it into `model`",
            ),
        ),
        (
            "{city: Flatten}",
            {"city": CITIES},
            (
                "still-text",
                "`city` is still text after its layers",
                "preprocess.city",
                "end with a layer that makes numbers, such as `StringLookup`",
            ),
        ),
        (
            "{t: {TextVectorization: {ragged: true, output_sequence_length: 3}}}",
            {"t": np.array(["a b", "a"])},
            (
                "not-an-array",
                "`t` becomes a RaggedTensor, and a model is fed with arrays",
                "preprocess.t",
                "leave out `ragged` and `sparse`",
            ),
        ),
    ],
)
def test_what_no_model_can_be_fed_with_is_refused(made, preprocess, columns, expected):
    with pytest.raises(SpecError) as caught:
        described(made(preprocess, **columns), **columns)
    assert fault(caught) == [expected]


def test_a_target_takes_only_what_can_be_turned_back(made):
    prices = {"price": np.arange(6.0)}
    preprocessing = made("{price: {Discretization: {num_bins: 2}}}", targets=prices, age=AGES)

    with pytest.raises(SpecError) as caught:
        described(preprocessing, age=AGES, targets=prices)
    assert fault(caught) == [
        (
            "target-not-restored",
            "`Discretization` changes the target `price`, and nothing turns its predictions back",
            "preprocess.price.Discretization",
            "a target takes `Normalization` and `Rescaling`",
        )
    ]


def test_a_target_that_would_change_its_size_is_refused_too(made):
    kinds = {"kind": np.array([0, 1, 0, 1, 0, 1])}
    preprocessing = made("{kind: {CategoryEncoding: {num_tokens: 2}}}", targets=kinds, age=AGES)

    with pytest.raises(SpecError) as caught:
        described(preprocessing, age=AGES, targets=kinds)
    assert fault(caught)[0][0] == "target-not-restored"


def test_keras_refuses_at_the_layer(made):
    with pytest.raises(KexpError) as caught:
        made("{age: [Normalization, {Reshape: {target_shape: [3]}}]}", age=AGES).compute("age", {"age": AGES})
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.id, diagnostic.message, diagnostic.path) == (
        "keras-refused",
        "Keras refuses `Reshape`",
        "preprocess.age[1].Reshape",
    )
    assert Path(diagnostic.span.source.name).name == "spec.yaml"
