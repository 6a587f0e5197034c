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
    "name", ["factories", "loops", "nested", "outputs", "pyramid", "resnet20", "siamese", "unet"]
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
