from textwrap import dedent, indent

import numpy as np
import pytest
from fakes import KERAS, info, machine

from kexp.document import parse_document
from kexp.errors import NotFound, SpecError
from kexp.record.rundir import RunDir
from kexp.record.trash import remove
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

TRAIN = "{optimizer: sgd, loss: mse}"


@pytest.fixture
def model(tmp_path):
    """Build the steps of a model, with blocks and other sections around it; code is in `tmp_path`."""
    machine()

    def built(layers, data, more="", train=TRAIN):
        from kexp.graph.assemble import assemble

        text = f"data: {{source: sklearn, dataset: digits}}\n{dedent(more)}seed: 1\ntrain: {train}\nmodel:\n"
        text += indent(dedent(layers), "  ")
        spec = parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))
        return assemble(spec, data, tmp_path).model

    return built


def names(model):
    return [layer.name for layer in model.layers]


def given(model, *arrays):
    """Return what a model makes of arrays, as an array."""
    return np.asarray(
        model(
            [np.asarray(a, "float32") for a in arrays]
            if len(arrays) > 1
            else np.asarray(arrays[0], "float32")
        )
    )


# ---------------------------------------------------------------- blocks and repeats

RESNET = """\
    blocks:
      conv_bn:
        params: {filters: 16, kernel: 3, stride: 1}
        layers:
          - Conv2D:
              {filters: $filters, kernel_size: $kernel, strides: $stride, padding: same, use_bias: false}
          - BatchNormalization
      res:
        params: {filters: 16}
        layers:
          - conv_bn: $filters
          - ReLU
          - conv_bn: $filters
          - prev, input -> Add
          - ReLU
      res_down:
        params: {filters: 32}
        layers:
          - conv_bn -> shortcut: {filters: $filters, kernel: 1, stride: 2}
          - input -> conv_bn: {filters: $filters, stride: 2}
          - ReLU
          - conv_bn: $filters
          - prev, shortcut -> Add
          - ReLU
    """


def test_resnet_20_has_its_parameters_and_its_names(model):
    built = model(
        """\
        inputs: {image: [32, 32, 3]}
        layers:
          - Rescaling: 0.00392156862745098
          - conv_bn: 16
          - ReLU
          - res: 16
            repeat: 3
          - res_down: 32
          - res: 32
            repeat: 2
          - res_down: 64
          - res: 64
            repeat: 2
          - GlobalAveragePooling2D
          - Dense: {units: 10, kernel_regularizer: {L2: 1e-4}}
        """,
        info({"image": (32, 32, 3)}, {"y": ()}, {"y": 10}),
        RESNET,
        "{optimizer: sgd, loss: {SparseCategoricalCrossentropy: {from_logits: true}}}",
    )

    assert built.count_params() == 274_042
    assert names(built)[:4] == ["image", "rescaling", "conv_bn_conv2d", "conv_bn_batch_normalization"]
    assert {"res_2_conv_bn_1_conv2d", "res_down_shortcut_conv2d", "res_down_1_add"} <= set(names(built))
    assert built.get_layer("res_down_conv_bn_conv2d").strides == (2, 2)


def test_a_unet_walks_its_list_of_skips_back(model):
    built = model(
        """\
        inputs: {image: [32, 32, 1]}
        layers:
          - layers:
              - conv_block -> enc_$i: $f
              - MaxPooling2D
            repeat: {f: [4, 8, 16]}
          - conv_block: 32
          - layers:
              - Conv2DTranspose: {filters: $f, kernel_size: 2, strides: 2}
              - prev, enc_$(2 - i) -> Concatenate
              - conv_block: $f
            repeat: {f: [16, 8, 4]}
          - Conv2D: {filters: 1, kernel_size: 1}
        """,
        info({"image": (32, 32, 1)}, {"y": (32, 32, 1)}),
        """\
        blocks:
          conv_block:
            params: {filters: null}
            layers:
              - Conv2D: {filters: $filters, kernel_size: 3, padding: same}
              - ReLU
              - Conv2D: {filters: $filters, kernel_size: 3, padding: same}
              - ReLU
        """,
    )

    joins = [layer for layer in built.layers if "concatenate" in layer.name]
    assert [layer.output.shape for layer in joins] == [
        (None, 8, 8, 32),
        (None, 16, 16, 16),
        (None, 32, 32, 8),
    ]
    assert built.output_shape == (None, 32, 32, 1)


def test_a_block_with_two_inputs_takes_them_by_position_or_by_name(model):
    blocks = """\
        blocks:
          minus: {inputs: [a, b], layers: [{expr: a - b}]}
        """
    data = info({"x": (2,), "y": (2,)}, {"t": (2,)})
    for key in ("x, y -> minus", "b=y, a=x -> minus"):
        built = model(f"inputs: {{x: [2], y: [2]}}\nlayers: ['{key}']\n", data, blocks)
        assert given(built, [[5, 5]], [[1, 2]]).tolist() == [[4, 3]]


def test_a_block_with_two_outputs_gives_both(model):
    built = model(
        """\
        inputs: {x: [4]}
        layers:
          - halves -> left, right
          - expr: left * 10 + right
        """,
        info({"x": (4,)}, {"y": (2,)}),
        """\
        blocks:
          halves: {layers: [{'expr -> a, b': "split(input, 2, axis=-1)"}], outputs: [a, b]}
        """,
    )
    assert given(built, [[1, 2, 3, 4]]).tolist() == [[13, 24]]


def test_an_argument_of_a_block_may_need_the_graph(model):
    built = model(
        """\
        inputs: {x: [6]}
        layers:
          - wide: $(dim(x) * 2)
          - wide: $num_classes
        """,
        info({"x": (6,)}, {"y": ()}, {"y": 5}),
        "blocks: {wide: {params: {n: 1}, layers: [{Dense: $(n + 1)}, {Dense: $n}]}}\n",
        "{optimizer: sgd, loss: sparse_categorical_crossentropy}",
    )
    assert [layer.units for layer in built.layers[1:]] == [13, 12, 6, 5]


def test_a_nested_model_in_a_repeat_has_its_own_weights_every_turn(model):
    built = model(
        """\
        inputs: {x: [4]}
        layers:
          - model -> tower: {layers: [{Dense: $(i + 3)}, {Dense: 4}]}
            repeat: 2
        """,
        info({"x": (4,)}, {"y": (4,)}),
    )
    assert names(built) == ["x", "tower_0", "tower_1"]
    assert [layer.layers[1].units for layer in built.layers[1:]] == [3, 4]


def test_siamese_twins_share_their_weights(model):
    built = model(
        """\
        inputs: {left: [8, 8, 1], right: [8, 8, 1]}
        layers:
          - left -> model -> tower: {layers: [{Conv2D: {filters: 2, kernel_size: 3}}, Flatten, {Dense: 5}]}
          - right -> reuse -> right_code: tower
          - expr: "abs(tower - right_code)"
          - Dense: {units: 1, activation: sigmoid}
        """,
        info({"left": (8, 8, 1), "right": (8, 8, 1)}),
        train="{optimizer: sgd, loss: binary_crossentropy}",
    )
    image = np.random.default_rng(0).random((1, 8, 8, 1))
    other = np.random.default_rng(1).random((1, 8, 8, 1))

    assert given(built, image, image).item() == 0.5  # no distance, and no bias yet
    assert given(built, image, other) == given(built, other, image)


def test_a_nested_model_takes_its_inputs_by_name_again(model):
    built = model(
        """\
        inputs: {x: [2], y: [2]}
        layers:
          - b=y, a=x -> model -> minus: {inputs: [a, b], layers: [{expr: a - b}]}
          - a=y, b=x -> reuse -> back: minus
          - minus, back -> Concatenate
        """,
        info({"x": (2,), "y": (2,)}, {"t": (4,)}),
    )
    assert given(built, [[5, 5]], [[1, 2]]).tolist() == [[4, 3, -4, -3]]


def test_attention_keeps_the_size_of_its_input(model):
    built = model(
        """\
        inputs: {x: [6, 12]}
        layers:
          - x, x -> MultiHeadAttention -> mixed: {num_heads: 4, key_dim: 3, dropout: 0.1}
            call: {use_causal_mask: true}
          - x, mixed -> Add
          - LayerNormalization -> x1: {epsilon: 1e-6}
          - Dense: {units: $(dim(x1) * 4), activation: gelu}
          - Dense: $(dim(x1))
          - prev, x1 -> Add
          - LayerNormalization
        """,
        info({"x": (6, 12)}, {"y": (6, 12)}),
    )
    assert [built.get_layer(name).units for name in ("dense", "dense_1")] == [48, 12]
    x = np.random.default_rng(0).random((1, 6, 12))
    later = x.copy()
    later[0, 5] += 1  # a causal mask lets no row see a later one
    np.testing.assert_allclose(given(built, x)[0, :5], given(built, later)[0, :5], atol=1e-6)


# ---------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x[:, 0]", [1]),
        ("x[:, -1:]", [[4]]),
        ("x[:, ::2] + x[:, 1::2]", [[3, 7]]),
        ("where(x > 2, x, 0)", [[0, 0, 3, 4]]),
        ("where(x == 2, 1.5, -x)", [[-1, 1.5, -3, -4]]),
        ("where((x > 1) & (x < 4), x, 0)", [[0, 2, 3, 0]]),
        ("abs(x - 2) ** 2 / 2", [[0.5, 0, 0.5, 2]]),
        ("max(x, axis=-1)", [4]),
        ("sum(reshape(x, (-1, 2, 4 // 2)), axis=1)", [[4, 6]]),
        ("einsum('bi,bi->b', x, x)", [30]),
        ("maximum(x, $floor)", [[2.5, 2.5, 3, 4]]),
        ("x % 2 + x // 2", [[1, 1, 2, 2]]),
    ],
)
def test_an_expression_computes(model, expression, expected):
    text = f'inputs: {{x: [4]}}\nlayers:\n  - expr: "{expression}"\n'
    built = model(text, info({"x": (4,)}, {"y": (4,)}), "vars: {floor: 2.5}\n")
    assert given(built, [[1, 2, 3, 4]]).tolist() == expected


def test_expressions_take_values_of_turns_and_blocks(model):
    built = model(
        """\
        inputs: {x: [2]}
        layers:
          - expr -> y_$i: "x * $k"
            repeat: {k: [10, 100]}
          - expr: "y_0 + y_1"
          - scaled: 2
        """,
        info({"x": (2,)}, {"y": (2,)}),
        "blocks: {scaled: {params: {by: 1}, layers: [{expr: 'input * $(by / 4) + $(dim(input))'}]}}\n",
    )
    assert given(built, [[1, 2]]).tolist() == [[57, 112]]


# ---------------------------------------------------------------- wrappers, freezing, inner outputs


def test_a_wrapper_takes_a_graph_that_declares_its_input(model):
    built = model(
        """\
        inputs: {x: [5, 4]}
        layers:
          - TimeDistributed:
              model:
                inputs: {row: [4]}
                layers:
                  - Dense -> a: 3
                  - row -> Dense -> b: 3
                  - a, b -> Add
          - Flatten
          - Dense: 1
        """,
        info({"x": (5, 4)}),
    )
    assert built.layers[1].output.shape == (None, 5, 3)
    assert len(built.layers[1].weights) == 4


def trainable(layer):
    return {inner.name: inner.trainable for inner in layer.layers}


def test_a_nested_model_trains_from_a_layer_and_gives_inner_outputs(model):
    built = model(
        """\
        inputs: {x: [4]}
        layers:
          - model -> body: {layers: [{Dense -> a: 8}, {Dense -> b: 6}, {Dense -> c: 5}]}
            trainable_from: c
          - Dense: 1
        """,
        info({"x": (4,)}),
    )
    assert trainable(built.get_layer("body")) == {
        "body_input": False,
        "body_a": False,
        "body_b": False,
        "body_c": True,
    }
    built = model(
        """\
        inputs: {x: [4]}
        layers:
          - model -> wide, narrow: {layers: [{Dense -> a: 8}, {Dense -> b: 6}, {Dense -> c: 5}]}
            outputs_of: [a, wide_c]
          - wide, narrow -> Concatenate
          - Dense: 1
        """,
        info({"x": (4,)}),
    )
    assert built.get_layer("concatenate").output.shape == (None, 13)


def test_an_application_trains_from_a_layer_and_gives_inner_outputs(model):
    built = model(
        """\
        inputs: {image: [32, 32, 3]}
        layers:
          - MobileNetV2 -> early, late: {include_top: false, weights: null, alpha: 0.35}
            trainable_from: Conv_1
            outputs_of: [block_1_expand_relu, out_relu]
          - early -> GlobalAveragePooling2D -> e
          - late -> GlobalAveragePooling2D -> l
          - e, l -> Concatenate
          - Dense: 1
        """,
        info({"image": (32, 32, 3)}),
    )
    body = built.get_layer("early")
    assert [tuple(t.shape) for t in body.outputs] == [(None, 16, 16, 48), (None, 1, 1, 1280)]
    assert [name for name, free in trainable(body).items() if free] == ["Conv_1", "Conv_1_bn", "out_relu"]


@pytest.mark.parametrize(
    ("sibling", "name", "place"),
    [
        ("trainable_from: Conv_2", "Conv_2", "trainable_from"),
        ("outputs_of: [out_relu, Conv_2]", "Conv_2", "outputs_of[1]"),
    ],
)
def test_an_inner_layer_that_the_application_does_not_have_is_refused_when_it_is_built(
    model, sibling, name, place
):
    steps = f"""\
        inputs: {{image: [32, 32, 3]}}
        layers:
          - MobileNetV2 -> base, more: {{include_top: false, weights: null, alpha: 0.35}}
            {sibling}
          - base, more -> Concatenate
        """
    with pytest.raises(SpecError) as caught:
        model(steps, info({"image": (32, 32, 3)}))
    (fault,) = caught.value.diagnostics
    assert (fault.id, fault.message, fault.path, fault.span.text[:6], fault.help) == (
        "unknown-layer-name",
        f"`MobileNetV2` has no inner layer called `{name}`",
        f"model.layers[0].MobileNetV2.{place}",
        "Conv_2",
        "did you mean `Conv_1`?",
    )


OWN_LAYER = """\
import keras


class Own(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(3, name="dense")
        self.layers = [self.dense]

    def call(self, inputs):
        return self.dense(inputs)
"""


def test_outputs_inside_a_layer_that_is_no_graph_are_refused_at_the_step(model, tmp_path):
    (tmp_path / "own.py").write_text(OWN_LAYER)
    steps = 'inputs: {x: [4]}\nlayers:\n  - "own.py:Own":\n    outputs_of: [dense]\n  - Dense: 1\n'
    with pytest.raises(SpecError) as caught:
        model(steps, info({"x": (4,)}))
    (fault,) = caught.value.diagnostics
    assert (fault.id, fault.message, fault.path, fault.detail) == (
        "keras-refused",
        "Keras refuses `own.py:Own`",
        "model.layers[0].own.py:Own.outputs_of",
        "The layer dense has never been called and thus has no defined output.",
    )


# ---------------------------------------------------------------- what stages freeze

FROZEN = """\
    inputs: {image: [32, 32, 3]}
    layers:
      - MobileNetV2 -> base: {include_top: false, weights: null, alpha: 0.35, pooling: avg}
        call: {training: false}
      - model -> body: {layers: [{Dense -> a: 4}, {Dense -> b: 4}]}
      - Dense -> head: 1
    """


def trained(model, freeze, unfreeze="[]"):
    """Return the layers whose weights are trained in a stage, inner ones by their paths."""
    stages = f"[{{name: first, freeze: {freeze}, unfreeze: {unfreeze}}}]"
    built = model(
        FROZEN, info({"image": (32, 32, 3)}), train=f"{{optimizer: sgd, loss: mse, stages: {stages}}}"
    )
    return list(dict.fromkeys(variable.path.rpartition("/")[0] for variable in built.trainable_variables))


def test_a_stage_freezes_layers_and_frees_those_inside(model):
    assert trained(model, "[base, body]") == ["head"]
    assert trained(model, "[base, body/a]") == ["body_b", "head"]
    assert trained(model, "[base, body, head]", "[base/Conv_1, body/b]") == ["Conv_1", "body_b"]


def test_a_stage_that_names_no_layer_of_an_application_is_refused_when_it_is_built(model):
    with pytest.raises(SpecError) as caught:
        trained(model, "[body, base/Conv_2]")
    assert [(d.id, d.message, d.path, d.help) for d in caught.value.diagnostics] == [
        (
            "unknown-layer-name",
            "`base` has no inner layer called `Conv_2`",
            "train.stages[0].freeze[1]",
            "did you mean `Conv_1`?",
        )
    ]


# ---------------------------------------------------------------- a training argument that holds


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("false", None, ["tower.tower", "tower"]),
        (None, "false", ["tower", "tower.again"]),
        ("false", "true", ["tower", "tower.again"]),
    ],
)
def test_a_layer_is_called_with_and_without_a_training_argument(model, first, second, expected):
    def sibling(training):
        return f"call: {{training: {training}}}" if training else "trainable: true"

    built = model(
        f"""\
        inputs: {{x: [4]}}
        layers:
          - model -> tower: {{layers: [{{Dense: 4}}]}}
            {sibling(first)}
          - reuse -> again: tower
            {sibling(second)}
          - Dense: 1
        """,
        info({"x": (4,)}),
    )
    from kexp.graph.weights import model_variables

    assert names(built) == ["x", *expected, "dense"]
    assert [key for key in model_variables(built) if key.startswith("model/tower")] == [
        "model/tower/0",
        "model/tower/1",
    ]


MASKED = """\
    inputs: {words: {shape: [5], dtype: int32}}
    layers:
      - Embedding: {input_dim: 9, output_dim: 3, mask_zero: true}
      - LSTM -> first: {units: 4, return_sequences: true}
        call: {training: false}
      - LSTM: 1
    """


def test_a_mask_goes_through_a_layer_with_a_training_argument(model):
    held, free = (
        model(text, info({"words": (5,)}))
        for text in (MASKED, MASKED.replace("call: {training: false}", "trainable: true"))
    )
    words = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0]])
    np.testing.assert_array_equal(np.asarray(held(words)), np.asarray(free(words)))


STILL = """\
    inputs: {x: [4]}
    layers:
      - BatchNormalization -> still:
        call: {training: false}
      - model -> tower:
          layers:
            - Dense -> a: 4
            - Dropout: 0.5
              call: {training: false}
        call: {training: false}
      - reuse -> again: tower
      - Dense -> out: 2
    """


@pytest.fixture
def without_kexp():
    """Load a model as a process would that never heard of kexp."""
    machine()
    import keras

    known = dict(keras.saving.get_custom_objects())
    keras.saving.get_custom_objects().clear()
    yield lambda path: keras.models.load_model(path)
    keras.saving.get_custom_objects().update(known)


def test_a_model_that_holds_training_off_is_saved_as_plain_keras(model, tmp_path, without_kexp):
    from kexp.graph.fixed import plain

    train = "{optimizer: adam, loss: mse, metrics: [mae]}"
    built = model(STILL, info({"x": (4,)}, {"y": (2,)}), train=train)
    x, y = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    built.fit(x, y[:, :2], epochs=2, verbose=0)
    plain(built).save(tmp_path / "model.keras")
    loaded = without_kexp(tmp_path / "model.keras")

    np.testing.assert_array_equal(loaded.predict(x, verbose=0), built.predict(x, verbose=0))
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(built(x)))
    assert loaded.evaluate(x, y[:, :2], verbose=0) == built.evaluate(x, y[:, :2], verbose=0)
    assert names(loaded) == ["x", "still", "tower", "out"]
    states = zip(loaded.optimizer.variables, built.optimizer.variables, strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in states)


def test_a_model_that_holds_training_on_needs_its_wrapper(model, tmp_path, without_kexp):
    from kexp.graph.fixed import plain

    steps = "inputs: {x: [4]}\nlayers:\n  - Dropout: 0.5\n    call: {training: true}\n  - Dense: 1\n"
    built = model(steps, info({"x": (4,)}))
    plain(built).save(tmp_path / "model.keras")

    assert plain(built) is built
    with pytest.raises(TypeError, match="Could not locate class 'FixedTraining'"):
        without_kexp(tmp_path / "model.keras")


# ---------------------------------------------------------------- initial weights


STEPS = """\
inputs: {x: [4]}
layers:
  - Dense -> first: %s
%s  - Dense -> last: 1
"""


@pytest.fixture
def begun(tmp_path):
    """Build a model and let its layers begin as their steps say; return the kernel of `first`."""
    machine()

    def kernel(units, weights=""):
        from kexp.graph.assemble import assemble
        from kexp.graph.initial import begin_layers

        text = (
            "data: {source: sklearn, dataset: digits}\nseed: 5\ntrain: {optimizer: sgd, loss: mse}\nmodel:\n"
        )
        text += indent(STEPS % (units, weights and f"    weights: {weights}\n"), "  ")
        spec = parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))
        assembly = assemble(spec, info({"x": (4,)}), tmp_path)
        begin_layers(assembly.beginnings, {"x": np.zeros((2, 4))}, tmp_path)
        return np.asarray(assembly.model.get_layer("first").kernel)

    return kernel


@pytest.fixture
def saved(tmp_path):
    """Save a model with layers `first` and `other` as a `.keras` file, and as a run's checkpoint."""
    machine()
    import keras

    from kexp.graph.checkpoint import pack
    from kexp.graph.weights import arrays_of, model_variables

    layers = [keras.layers.Dense(3, name="first"), keras.layers.Dense(3, name="other")]
    source = keras.Sequential([keras.Input((4,)), layers[0], keras.layers.Dense(4, name="mid"), layers[1]])
    source.save(tmp_path / "source.keras")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    best = tmp_path / "run" / "checkpoints" / "best.safetensors"
    best.write_bytes(b"".join(pack(arrays_of(model_variables(source)))))
    return {name: np.asarray(source.get_layer(name).kernel) for name in ("first", "other")}


@pytest.mark.parametrize("weights", ["run", "source.keras", "run/checkpoints/best.safetensors"])
def test_a_layer_begins_with_the_weights_of_its_namesake(begun, saved, weights):
    np.testing.assert_array_equal(begun(3, weights), saved["first"])


@pytest.mark.parametrize("weights", ["run", "source.keras"])
def test_a_layer_may_begin_with_the_weights_of_another(begun, saved, weights):
    np.testing.assert_array_equal(begun(3, f"{{from: {weights}, layer: other}}"), saved["other"])


@pytest.mark.parametrize(
    ("units", "weights", "error", "fault"),
    [
        (3, "runs/lost", NotFound, ("weights-not-found", "there are no weights at `{0}/runs/lost`")),
        (5, "source.keras", SpecError, ("bad-weights", "the weights in `source.keras` do not fit `first`")),
        (5, "run", SpecError, ("bad-weights", "the weights in `best.safetensors` do not fit `first`")),
        (
            3,
            "{from: run, layer: otter}",
            SpecError,
            ("unknown-layer-name", "`best.safetensors` holds no layer called `otter`"),
        ),
    ],
)
def test_weights_that_are_missing_or_do_not_fit_are_refused(
    begun, saved, tmp_path, units, weights, error, fault
):
    with pytest.raises(error) as caught:
        begun(units, weights)
    assert [(d.id, d.message, d.path) for d in caught.value.diagnostics] == [
        (fault[0], fault[1].format(tmp_path), "model.layers[0].Dense.weights")
    ]


def test_weights_of_a_run_in_the_trash_can_be_brought_back(begun, saved, tmp_path):
    (tmp_path / "run" / "spec.yaml").write_text("")
    remove(RunDir(tmp_path / "run"), tmp_path)
    for weights in ("run", "run/checkpoints/best.safetensors"):
        with pytest.raises(NotFound) as caught:
            begun(3, weights)
        assert str(caught.value) == (
            f"error[weights-not-found]: there are no weights at `{tmp_path / weights}`\n"
            "  --> model.layers[0].Dense.weights\n"
            f"help: that run is in the trash: `kexp restore --runs {tmp_path} run` brings it back"
        )


CHAIN = """\
seed: 5
data: {source: sklearn, dataset: digits}
model:
  layers:
    - TimeDistributed:
        model:
          layers:
            - Dense -> first: 3
              weights: run
            - Dense -> last: 1
              trainable: false
train: {optimizer: sgd, loss: mse}
"""


def test_a_chain_inside_a_wrapper_hears_the_siblings_of_its_steps(saved, tmp_path):
    from kexp.graph.assemble import put_together
    from kexp.graph.initial import begin_layers

    text = CHAIN.replace("first: 3", "mid: 3").replace("weights: run", "weights: {from: run, layer: first}")
    spec = parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))
    assembly = put_together(spec, info({"x": (2, 4)}), tmp_path)
    begin_layers(assembly.beginnings, {}, tmp_path)
    mid, last = next(layer for layer in assembly.model.layers if hasattr(layer, "layer")).layer.layers

    np.testing.assert_array_equal(mid.kernel, saved["first"])
    assert (mid.trainable, last.trainable) == (True, False)


def test_what_a_chain_inside_a_wrapper_cannot_do_is_refused(tmp_path):
    from kexp.graph.assemble import put_together

    machine()
    text = CHAIN.replace("weights: run", "call: {training: false}")
    with pytest.raises(SpecError) as caught:
        put_together(
            parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path)),
            info({"x": (2, 4)}),
            tmp_path,
        )
    assert [(d.id, d.message) for d in caught.value.diagnostics] == [
        ("nested-chain", "a graph inside a wrapper is a plain chain of layers")
    ]
