from textwrap import dedent

import numpy as np
import pytest
from fakes import KERAS, info

from kexp.errors import SpecError

pytestmark = KERAS


def graph(text: str) -> str:
    """Return a model written as block YAML, as it stands below `model:`."""
    return "\n" + "".join(f"  {line}\n" for line in dedent(text).strip().splitlines())


def layer_names(model):
    return [layer.name for layer in model.layers]


def test_a_chain_takes_its_input_from_the_data_and_names_every_layer(build):
    model = build("{layers: [{Dense: 8}, ReLU, {Dense: 3}, {Dense: 1}]}", info({"x": (4,)})).model

    assert layer_names(model) == ["x", "dense", "re_lu", "dense_1", "dense_2"]
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 1)
    assert [str(model.inputs[0].dtype), model.name] == ["float32", "small"]


def test_inputs_and_outputs_keep_the_order_of_the_spec_and_their_names(build):
    text = graph("""
        inputs: {right: [3], left: [2]}
        layers:
          - left -> Dense -> b: 4
          - right -> Dense -> a: 5
        outputs: [b, a]
    """)
    assembly = build(text, info({"left": (2,), "right": (3,)}, {"a": (5,), "b": (4,)}), train=TWO_LOSSES)

    assert [tuple(t.shape) for t in assembly.model.inputs] == [(None, 3), (None, 2)]
    assert list(assembly.outputs) == ["b", "a"]
    assert [tuple(t.shape) for t in assembly.model.outputs] == [(None, 4), (None, 5)]
    assert [port.name for port in assembly.ports] == ["right", "left"]


TWO_LOSSES = "{optimizer: sgd, loss: {a: mse, b: mse}}"


def test_a_map_of_outputs_gives_a_dict(build):
    text = graph("""
        layers:
          - Dense -> hidden: 4
          - Dense -> one: 1
          - hidden -> Dense -> two: 2
        outputs: {b: one, a: two}
    """)
    assembly = build(text, info({"x": (4,)}, {"a": (2,), "b": (1,)}), train=TWO_LOSSES)

    result = assembly.model(np.zeros((3, 4), "float32"))
    assert {name: tuple(array.shape) for name, array in result.items()} == {"a": (3, 2), "b": (3, 1)}


def test_a_reused_layer_has_the_same_variables(build):
    text = graph("""
        inputs: {left: [4], right: [4]}
        layers:
          - left -> Dense -> code: 3
          - right -> reuse -> other: code
          - code, other -> Subtract
    """)
    model = build(text, info({"left": (4,), "right": (4,)}, {"y": (3,)})).model

    assert layer_names(model) == ["left", "right", "code", "subtract"]
    assert len(model.weights) == 2
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(model([x, x]), np.zeros((2, 3), "float32"))


def test_a_nested_model_is_one_node_that_can_be_used_again(build):
    text = graph("""
        inputs: {left: [4], right: [4]}
        layers:
          - left -> model -> tower: {layers: [{Dense: 6}, {Dense: 2}]}
          - right -> reuse -> right_code: tower
          - tower, right_code -> Concatenate
          - Dense: 1
    """)
    model = build(text, info({"left": (4,), "right": (4,)})).model

    assert layer_names(model) == ["left", "right", "tower", "concatenate", "dense"]
    assert layer_names(model.get_layer("tower")) == ["tower_input", "tower_dense", "tower_dense_1"]


def test_a_nested_model_with_two_inputs_takes_them_in_declared_order(build):
    text = graph("""
        inputs: {p: [2], q: [3]}
        layers:
          - p, q -> model -> both:
              inputs: [first, second]
              layers:
                - first -> Dense -> a: 4
                - second -> Dense -> b: 4
                - a, b -> Add
          - Dense: 1
    """)
    model = build(text, info({"p": (2,), "q": (3,)})).model

    assert [tuple(t.shape) for t in model.get_layer("both").inputs] == [(None, 2), (None, 3)]


def test_several_tensors_are_spread_over_positions_or_given_as_a_list_as_call_wants_them(build):
    text = graph("""
        inputs: {q: [5, 8], v: [7, 6]}
        layers:
          - q, v -> MultiHeadAttention -> mixed: {num_heads: 2, key_dim: 4}
          - q, mixed -> Add
          - Flatten
          - Dense: 1
    """)
    model = build(text, info({"q": (5, 8), "v": (7, 6)})).model

    attention, add = model.get_layer("mixed"), model.get_layer("add")
    assert attention.query_dense.kernel.shape[0] == 8
    assert attention.value_dense.kernel.shape[0] == 6
    assert add.output.shape == (None, 5, 8)


def test_call_arguments_are_given_by_keyword_and_several_outputs_by_name(build):
    text = graph("""
        layers:
          - LSTM -> sequence, h, c: {units: 4, return_state: true, return_sequences: true}
          - sequence, initial_state=[h, c] -> LSTM -> last, state, _: {units: 4, return_state: true}
          - last, state -> Concatenate
          - Dense: 1
    """)
    model = build(text, info({"x": (6, 3)})).model

    assert layer_names(model) == ["x", "sequence", "last", "concatenate", "dense"]
    assert model.get_layer("concatenate").output.shape == (None, 8)


def test_constant_call_arguments_reach_the_layer(build):
    text = graph("""
        layers:
          - x, x -> MultiHeadAttention -> mixed, scores: {num_heads: 2, key_dim: 4}
            call: {return_attention_scores: true, use_causal_mask: true}
          - scores -> Flatten
          - Dense: 1
    """)
    text = text.replace("layers:", "inputs: {x: [3, 4]}\n  layers:", 1)
    assembly = build(text, info({"x": (3, 4)}))
    import keras

    attention = assembly.model.get_layer("mixed")
    scores = keras.Model(assembly.model.input, attention.output[1])(np.ones((1, 3, 4), "float32"))
    np.testing.assert_array_equal(np.triu(scores[0, 0], 1), np.zeros((3, 3)))


def test_a_constant_training_argument_holds_in_training_and_in_prediction(build):
    text = graph("""
        layers:
          - BatchNormalization -> still:
            call: {training: false}
          - Dropout -> noisy: 0.5
            call: {training: true}
          - Dense: 1
    """)
    model = build(text, info({"x": (4,)})).model
    x = np.full((8, 4), 3.0, "float32")

    before = [np.array(variable) for variable in model.non_trainable_variables if variable.shape == (4,)]
    model.fit(x, np.ones((8, 1)), verbose=0)
    after = [np.array(variable) for variable in model.non_trainable_variables if variable.shape == (4,)]
    np.testing.assert_array_equal(after, before)
    assert len(before) == 2
    assert not np.array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_trainable_false_freezes_a_layer_and_a_whole_nested_model(build):
    text = graph("""
        layers:
          - model -> body: {layers: [{Dense: 5}, {Dense: 5}]}
            trainable: false
          - Dense: 3
            trainable: false
          - Dense: 1
    """)
    model = build(text, info({"x": (4,)})).model

    assert [v.shape for v in model.trainable_variables] == [(3, 1), (1,)]


@pytest.mark.parametrize(
    ("steps", "shape", "output"),
    [
        ("[{Bidirectional: {LSTM: 3}}, {Dense: 1}]", (5, 2), (None, 6)),
        ("[{TimeDistributed: {Dense: 7}}, GlobalAveragePooling1D, {Dense: 1}]", (5, 2), (None, 5, 7)),
        (
            "[{TimeDistributed: {model: {layers: [{Dense: 8}, ReLU]}}}, Flatten, {Dense: 1}]",
            (5, 2),
            (None, 5, 8),
        ),
        ("[{RNN: [{LSTMCell: 4}, {GRUCell: 3}]}, {Dense: 1}]", (5, 2), (None, 3)),
        ("[{Bidirectional: {layer: {GRU: {units: 2}}, merge_mode: sum}}, {Dense: 1}]", (5, 2), (None, 2)),
    ],
)
def test_layers_wrap_layers_cells_and_graphs(build, steps, shape, output):
    model = build(f"{{layers: {steps}}}", info({"x": shape})).model

    assert model.layers[1].output.shape == output


def test_an_application_takes_its_shape_from_the_tensor_and_its_name_from_the_spec(build):
    text = graph("""
        inputs: {image: [32, 32, 3]}
        layers:
          - MobileNetV2 -> body: {include_top: false, weights: null, alpha: 0.35}
            trainable: false
          - GlobalAveragePooling2D
          - Dense: 1
    """)
    model = build(text, info({"image": (32, 32, 3)})).model

    assert layer_names(model) == ["image", "body", "global_average_pooling2d", "dense"]
    assert model.get_layer("body").output.shape == (None, 1, 1, 1280)
    assert [v.shape for v in model.trainable_variables] == [(1280, 1), (1,)]


def test_formulas_know_the_data_and_the_graph(build):
    text = graph("""
        layers:
          - Dense -> wide: $(num_features * 3)
          - Dense: {units: $(dim(wide) // 2), activation: relu}
          - Dense: {units: $num_classes, activation: softmax}
    """)
    data = info({"x": (4,)}, {"y": ()}, {"y": 5})
    model = build(text, data, train="{optimizer: sgd, loss: sparse_categorical_crossentropy}").model

    assert [layer.units for layer in model.layers[1:]] == [12, 6, 5]


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("$(dim(x, 0))", "the size of `x` on axis 0 is not known before training"),
        ("$(dim(x, 5))", "`x` has no axis 5; its shape is (None, 4), None is the batch"),
        ("$(dim(x) / 0)", "division by zero"),
    ],
)
def test_a_formula_that_comes_to_nothing_is_refused_at_its_step(build, formula, message):
    text = graph(f"""
        inputs: {{x: [4]}}
        layers:
          - Dense: {{units: "{formula}"}}
    """)
    with pytest.raises(SpecError) as caught:
        build(text, info({"x": (4,)}))
    assert [(d.id, d.message, d.path) for d in caught.value.diagnostics] == [
        ("bad-formula", message, "model.layers[0].Dense")
    ]


def test_a_step_with_more_outputs_than_names_is_refused(build):
    text = "{layers: [{LSTM: {units: 2, return_state: true}}, {Dense: 1}]}"
    with pytest.raises(SpecError) as caught:
        build(text, info({"x": (5, 2)}))
    assert str(caught.value) == (
        "error[wrong-outputs]: `LSTM` has 3 outputs, and the step names none\n"
        " --> spec.yaml:5:19  (model.layers[0].LSTM)\n"
        "  |\n"
        "5 | model: {layers: [{LSTM: {units: 2, return_state: true}}, {Dense: 1}]}\n"
        "  |                   ^^^^\n"
        "help: name each output: `-> a, b, c`; `_` ignores one"
    )


def test_keras_complaint_about_shapes_stands_at_the_step(build):
    text = "{layers: [{Conv2D: {filters: 2, kernel_size: 3}}, {Dense: 1}]}"
    with pytest.raises(SpecError) as caught:
        build(text, info({"x": (8, 8)}))
    assert str(caught.value) == (
        "error[keras-refused]: Keras refuses `Conv2D`\n"
        " --> spec.yaml:5:19  (model.layers[0].Conv2D)\n"
        "  |\n"
        "5 | model: {layers: [{Conv2D: {filters: 2, kernel_size: 3}}, {Dense: 1}]}\n"
        "  |                   ^^^^^^\n"
        "  Input 0 with name 'None' of layer 'conv2d' is incompatible with the layer: expected min_ndim=4, "
        "found ndim=3. Full shape received: (None, 8, 8)\n"
        "help: the step is given (None, 8, 8); None is the batch"
    )


def test_an_argument_that_keras_refuses_stands_at_the_step(build):
    with pytest.raises(SpecError) as caught:
        build("{layers: [{Permute: [1, 3]}]}", info({"x": (8, 8)}))
    assert [(d.id, d.message, d.path, d.detail) for d in caught.value.diagnostics] == [
        (
            "keras-refused",
            "Keras refuses `Permute`",
            "model.layers[0].Permute",
            "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be "
            "consecutive and start from 1. Received dims=[1, 3]",
        )
    ]


def test_declared_inputs_must_be_what_the_data_has(build):
    with pytest.raises(SpecError) as caught:
        build("{inputs: {x: [5]}, layers: [{Dense: 1}]}", info({"x": (4,)}))
    assert str(caught.value) == (
        "error[input-shape]: the input `x` is declared as [5], and the data has [4]\n"
        "  --> model.inputs.x\n"
        "help: declare `x: [4]`; a `Reshape` step changes the shape"
    )


def test_an_input_that_the_data_lacks_is_refused_with_what_it_has(build):
    text = graph("""
        inputs: {age: [1], hieght: [1]}
        layers: ["age, hieght -> Concatenate", {Dense: 1}]
    """)
    with pytest.raises(SpecError) as caught:
        build(text, info({"age": (1,), "height": (1,)}))
    assert str(caught.value) == (
        "error[unknown-column]: the data has no input `hieght`\n"
        "  --> model.inputs.hieght\n"
        "help: it has `age`, `height`"
    )


def test_a_column_of_single_values_fits_a_declared_one(build):
    from kexp.protocols import Samples

    text = graph("""
        inputs: {age: [1], height: [1]}
        layers: ["age, height -> Concatenate", {Dense: 1}]
    """)
    assembly = build(text, info({"age": (), "height": ()}))
    columns = {"age": np.arange(3.0), "height": np.arange(3.0)}

    assert [a.shape for a in assembly.inputs(Samples(columns, {}))] == [(3, 1), (3, 1)]


def test_an_input_may_stand_for_a_column_of_another_name(build):
    text = '{inputs: {petal: {from: "petal length (cm)"}}, layers: [{Dense: 1}]}'
    assembly = build(text, info({"petal length (cm)": (2,)}))

    assert [(port.name, port.column, port.shape) for port in assembly.ports] == [
        ("petal", "petal length (cm)", (2,))
    ]


def test_an_output_named_on_a_reuse_is_known_by_that_name(build):
    text = graph("""
        layers:
          - Dense -> first: 4
          - Dense -> back: 4
          - reuse -> again: first
    """)
    assembly = build(text, info({"x": (4,)}, {"y": (4,)}), train="{optimizer: sgd, loss: {again: mse}}")

    assert list(assembly.outputs) == ["again"]
