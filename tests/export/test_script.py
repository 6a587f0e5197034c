from pathlib import Path

import keras
import numpy as np
import pytest
from fakes import KERAS

pytestmark = KERAS

HERE = Path(__file__).parent
CONFIGS = sorted((HERE.parent.parent / "configs").glob("*.yaml"))
SPECS = sorted((HERE / "specs").glob("*.yaml"))
GOLDEN = HERE.parent / "golden" / "scripts"
WIDTH = 88


def random_inputs(model):
    generator = np.random.default_rng(0)
    arrays = []
    for tensor in model.inputs:
        shape = (3, *(size or 4 for size in tensor.shape[1:]))
        whole = "int" in str(tensor.dtype)
        arrays.append(
            generator.integers(0, 5, shape) if whole else generator.normal(size=shape).astype("float32")
        )
    return arrays[0] if len(arrays) == 1 else arrays


def outputs_of(model, inputs):
    result = model(inputs)
    if isinstance(result, dict):
        return {name: np.asarray(array) for name, array in result.items()}
    return dict(enumerate(np.asarray(array) for array in keras.tree.flatten(result)))


def adapt_alike(*models):
    """Give the layers that learn from data, whose arrays are no weights, the same data."""
    for model in models:
        for layer in model.layers:
            if isinstance(layer, keras.layers.Discretization) and layer.num_bins is not None:
                layer.adapt(np.linspace(-1.0, 1.0, 100))


@pytest.mark.parametrize("spec", [*CONFIGS, *SPECS], ids=lambda spec: spec.stem)
def test_the_script_builds_the_model_of_the_spec(spec, build, run_script, layer_configs):
    from kexp.export.script import script

    built = build(spec)
    text = script(built, spec.parent).decode()
    made, expected = run_script(text, spec.parent), built.model

    assert "kexp" not in text
    assert [line for line in text.splitlines() if len(line) > WIDTH and "ops." not in line] == []
    assert layer_configs(made) == layer_configs(expected)
    assert [w.shape for w in made.weights] == [w.shape for w in expected.weights]
    assert [w.shape for w in made.trainable_weights] == [w.shape for w in expected.trainable_weights]
    assert type(made).__name__ == type(expected).__name__
    if not isinstance(expected, keras.src.models.Functional):
        return
    made.set_weights(expected.get_weights())
    adapt_alike(made, expected)
    inputs = random_inputs(expected)
    actual, wanted = outputs_of(made, inputs), outputs_of(expected, inputs)
    assert {key: array.shape for key, array in actual.items()} == {
        key: array.shape for key, array in wanted.items()
    }
    for key, array in wanted.items():
        np.testing.assert_allclose(actual[key], array, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["factories", "inner", "loops", "nested", "outputs", "pyramid", "resnet20", "siamese", "unet"]
)
def test_the_script_reads_like_this(name, build, golden):
    from kexp.export.script import script

    spec = HERE / "specs" / f"{name}.yaml"
    golden(script(build(spec), spec.parent).decode(), GOLDEN / f"{name}.py")


def test_the_script_is_compiled_as_the_spec_says(build, run_script):
    from kexp.export.script import script

    spec = HERE / "specs" / "outputs.yaml"
    model = run_script(script(build(spec), spec.parent).decode(), spec.parent)

    assert type(model.optimizer).__name__ == "AdamW"
    assert model.output_names == ["priority", "department"]
    assert model._compile_loss._user_loss == {
        "priority": "binary_crossentropy",
        "department": "sparse_categorical_crossentropy",
    }


def uncommented(text):
    """Return a script in which the training that it ends with is no comment."""
    head, tail = text.split("# The data comes from you; the training of the spec is:\n")
    return head + "".join(line.removeprefix("# ") for line in tail.splitlines(keepends=True))


def test_the_training_that_a_script_ends_with_is_that_of_the_spec(build, monkeypatch):
    from kexp.export.script import script

    spec = HERE / "specs" / "inner.yaml"
    text = uncommented(script(build(spec), spec.parent).decode())
    nameless = "<the layer that is `body/layers_1_dense` in the spec>.trainable = True\n"
    assert nameless in text  # one line makes two of them
    rng = np.random.default_rng(0)
    left, right = (rng.normal(mean, size=(64, 8)).astype("float32") for mean in (3.0, -2.0))
    data = {"left_train": left, "right_train": right, "x_train": [left, right], "y_train": np.zeros(64)}
    namespace = {"__name__": "model", **data}
    exec(compile(text.replace(nameless, ""), "model.py", "exec"), namespace)
    model = namespace["model"]

    np.testing.assert_allclose(
        np.asarray(model.get_layer("a_normalization_layer").mean)[0], left.mean(axis=0), rtol=1e-5
    )
    np.testing.assert_allclose(np.asarray(model.get_layer("b").mean)[0], right.mean(axis=0), rtol=1e-5)
    trained = {layer.name: layer.trainable for layer in model.get_layer("body").layers if layer.weights}
    assert trained["first"] and not trained["dense_layer"]
    assert (type(model.optimizer).__name__, int(model.optimizer.iterations)) == ("SGD", 4)


WEIGHTS = """\
kexp: 1
name: loaded
data: {source: sklearn, dataset: digits}
model:
  inputs: {x: [4]}
  layers:
    - Dense -> first: 3
      weights: source.keras
    - Dense -> second: 5
      weights: {from: source.keras, layer: tower/inner}
    - Dense: 3
      weights: {from: run, layer: last}
    - Dense -> row_$i: 5
      weights: source.keras
      repeat: 2
    - Dense: 1
train: {optimizer: sgd, loss: mse}
"""


@pytest.fixture
def source(tmp_path):
    """Save a model as a `.keras` file, and its arrays as a run's checkpoint."""
    from kexp.graph.checkpoint import pack
    from kexp.graph.weights import arrays_of, model_variables

    tower = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, name="inner")], name="tower")
    around = [keras.layers.Dense(3, name="first"), tower, keras.layers.Dense(3, name="last")]
    made = keras.Sequential([keras.Input((4,)), *around])
    made.save(tmp_path / "source.keras")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    state = {key: np.flip(array) for key, array in arrays_of(model_variables(made)).items()}
    (tmp_path / "run" / "checkpoints" / "best.safetensors").write_bytes(b"".join(pack(state)))
    return made


def test_a_script_loads_the_weights_of_the_spec(build, run_script, source, tmp_path):
    from kexp.export.script import script

    text = script(build(WEIGHTS), tmp_path).decode()
    made = run_script(text, tmp_path)
    first, inner, last = source.layers[0].kernel, source.layers[1].layers[0].kernel, source.layers[2].kernel

    np.testing.assert_array_equal(made.layers[1].kernel, first)
    np.testing.assert_array_equal(made.layers[2].kernel, inner)
    np.testing.assert_array_equal(made.layers[3].kernel, np.flip(last))
    dense = "".join(text.split()).replace(",)", ")")
    assert f'weights_of_source=keras.models.load_model("{tmp_path}/source.keras",compile=False)' in dense
    assert f'weights_of_run=load_file("{tmp_path}/run/checkpoints/best.safetensors")' in dense
    assert (
        "    # row_layers[i] starts from the one of its name in weights_of_source:\n"
        "    # row_0\n"
        "    # row_1\n"
    ) in text


def test_weights_that_are_missing_are_refused_when_the_script_is_written(build, source, tmp_path):
    from kexp.errors import NotFound
    from kexp.export.script import script

    with pytest.raises(NotFound) as caught:
        script(build(WEIGHTS.replace("from: run", "from: runs/lost")), tmp_path)
    assert [(d.id, d.message, d.path) for d in caught.value.diagnostics] == [
        (
            "weights-not-found",
            f"there are no weights at `{tmp_path}/runs/lost`",
            "model.layers[2].Dense.weights",
        )
    ]


def test_a_layer_that_one_line_makes_with_others_has_no_name_to_look_it_up_by(build, tmp_path):
    from kexp.errors import SpecError
    from kexp.export.script import script

    text = WEIGHTS[: WEIGHTS.index("    - Dense -> first")] + (
        "    - model -> body: {layers: [{layers: [{Dense: 3}], repeat: 2}, {Dense: 3}]}\n"
        "      trainable_from: layers_1_dense\n"
        "train: {optimizer: sgd, loss: mse}\n"
    )
    with pytest.raises(SpecError) as caught:
        script(build(text), tmp_path)
    assert [(d.id, d.message, d.path, d.help) for d in caught.value.diagnostics] == [
        (
            "no-script",
            "a script has no name for `layers_1_dense`, one of several layers that the same line makes",
            "model.layers[0].model",
            "give the layer a line of its own",
        )
    ]


def test_a_script_says_where_keras_overrides_a_training_argument(build, tmp_path):
    from kexp.export.script import script

    text = WEIGHTS[: WEIGHTS.index("    - Dense -> first")] + (
        "    - Dropout: 0.5\n      call: {training: true}\n    - Dense: 1\n"
        "train: {optimizer: sgd, loss: mse}\n"
    )
    assert (
        "y = layers.Dropout(0.5)(x, training=True)\n"
        "# fit and predict override this training; in the spec it holds\n"
    ) in script(build(text), tmp_path).decode()


OWN_CODE = """\
kexp: 1
name: own
data: {source: sklearn, dataset: digits}
model: {inputs: {x: [4]}, layers: [{Dense: 2}, "CODE:shift"]}
train: {optimizer: sgd, loss: mse}
"""


@pytest.mark.parametrize(
    ("file", "reference", "wanted"),
    [
        ("own.py", "own.py", "from own import shift  # noqa: E402"),
        ("deep/own.py", "deep/own.py", "from own import shift  # noqa: E402"),
        ("odd-name.py", "odd-name.py", 'shift = import_module("odd-name").shift'),
        ("own.py", "own", "from own import shift  # noqa: E402"),
    ],
)
def test_own_code_is_found_from_wherever_the_script_lies(
    file, reference, wanted, build, run_script, tmp_path
):
    from kexp.export.script import script

    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("def shift(x):\n    return x + 1\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = script(build(OWN_CODE.replace("CODE", reference)), elsewhere).decode()

    assert f'sys.path.insert(0, "{path.parent}")' in text.splitlines()
    assert wanted in text.splitlines()
    assert run_script(text, elsewhere).output_shape == (None, 2)


def test_own_code_is_found_in_a_package_and_in_the_code_of_a_run(build, run_script, tmp_path):
    from kexp.export.script import script

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder, package in ((tmp_path, "pkg"), (tmp_path / "code", "kept")):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("def shift(x):\n    return x + 1\n")
        text = script(build(OWN_CODE.replace("CODE", package)), elsewhere).decode()

        assert f'sys.path.insert(0, "{folder}")' in text.splitlines()
        assert f"from {package} import shift  # noqa: E402" in text.splitlines()


def test_without_a_seed_the_script_sets_none(build, tmp_path):
    from kexp.export.script import script

    (tmp_path / "own.py").write_text("def shift(x):\n    return x + 1\n")
    text = script(build(OWN_CODE.replace("CODE", "own.py")), tmp_path).decode()

    assert text == (
        '"""The model `own`, in plain Keras."""\n'
        "\n"
        "import keras\n"
        "from keras import layers\n"
        "\n"
        "from own import shift\n"
        "\n"
        'x = keras.Input((4,), name="x")\n'
        "y = layers.Dense(2)(x)\n"
        "outputs = shift(y)\n"
        'model = keras.Model(x, outputs, name="own")\n'
        'model.compile(optimizer="sgd", loss="mse")\n'
        "\n"
        "# The data comes from you; the training of the spec is:\n"
        "# model.fit(x_train, y_train, batch_size=32, epochs=1)\n"
    )
