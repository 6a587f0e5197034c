"""What `kexp import` is given: a model's file, or something else."""

import json
import zipfile
from types import ModuleType

import pytest
from fakes import KERAS, machine

from kexp.custom import load_object
from kexp.errors import NotFound, SpecError

pytestmark = KERAS


@pytest.fixture
def models() -> ModuleType:
    """Return `tests/models.py`, which needs Keras."""
    machine()
    import models

    return models


def refusal(path, code=None):
    """Return what is said when a file is imported that holds no graph."""
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import open_keras_file

    with pytest.raises((SpecError, NotFound)) as refused:
        experiment_of(open_keras_file(path, code), "m", "m.keras")
    return str(refused.value)


def test_a_missing_model_and_missing_code_are_refused(tmp_path, models):
    path = tmp_path / "m.keras"
    assert refusal(path) == f"error[model-not-found]: there is no model at `{path}`"
    path.touch()
    assert (
        refusal(path, tmp_path / "a.py") == f"error[code-not-found]: there is no file `{tmp_path / 'a.py'}`"
    )


SAVE = 'help: save the model by `model.save("name.keras")`'


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("m.keras", b"", f"is not a file in Keras's own format\n{SAVE}"),
        ("m.json", b'{"a": 1}', f"is not a file in Keras's own format\n{SAVE}"),
        ("m.weights.h5", b"\x89HDF\r\n\x1a\n", f"holds weights, and no graph\n{SAVE}"),
        (
            "m.h5",
            b"\x89HDF\r\n\x1a\n and more",
            "is an HDF5 file, Keras's format before `.keras`\n"
            'help: open it by `keras.models.load_model("m.h5")`, '
            'and save the model by `model.save("name.keras")`',
        ),
    ],
)
def test_a_file_of_another_kind_is_refused(name, data, what, tmp_path, models):
    (tmp_path / name).write_bytes(data)
    assert refusal(tmp_path / name) == f"error[not-a-keras-file]: `{name}` {what}"


def test_a_folder_is_refused(tmp_path, models):
    (tmp_path / "saved").mkdir()
    assert refusal(tmp_path / "saved") == (
        f"error[not-a-keras-file]: `saved` is a folder, and a SavedModel does not keep its layers\n{SAVE}"
    )


def test_half_a_file_is_refused(tmp_path, models):
    path = tmp_path / "m.keras"
    models.siamese().save(path)
    path.write_bytes(path.read_bytes()[:5000])
    assert refusal(path) == (
        "error[not-a-keras-file]: `m.keras` is cut off or damaged: "
        "it begins like a `.keras` file and does not end like one"
    )


@pytest.mark.parametrize(
    ("member", "text", "what"),
    [
        ("a.txt", "", "is a zip file without a `config.json`, so no model is in it"),
        ("config.json", "{", "has a `config.json` that is not JSON"),
        ("config.json", "[1]", "has a `config.json` that describes no model"),
        (
            "config.json",
            '{"class_name": "Functional", "config": 3}',
            "has a `config.json` that describes no model",
        ),
    ],
)
def test_a_zip_file_without_a_model_is_refused(member, text, what, tmp_path, models):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr(member, text)
    assert refusal(tmp_path / "m.keras") == f"error[not-a-keras-file]: `m.keras` {what}\n{SAVE}"


def changed(path, change):
    """Save a model whose config of its first layer is changed."""
    import keras

    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(2)(x)).save(path.with_name("whole.keras"))
    with zipfile.ZipFile(path.with_name("whole.keras")) as whole, zipfile.ZipFile(path, "w") as other:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config["config"]["layers"][1])
                data = json.dumps(config).encode()
            other.writestr(name, data)


def test_what_keras_itself_cannot_open_is_refused_with_its_last_word(tmp_path, models):
    path = tmp_path / "m.keras"
    changed(path, lambda layer: layer.update(class_name="Dens"))
    assert refusal(path) == (
        "error[not-a-keras-file]: Keras cannot open `m.keras`\n"
        "  Could not deserialize 'keras.layers.Dens' because it is not a KerasSaveable subclass"
    )
    changed(path, lambda layer: layer["config"].update(units="many"))
    assert refusal(path) == (
        "error[not-a-keras-file]: Keras cannot open `m.keras`\n"
        "  Received an invalid value for `units`, expected a positive integer. Received: units=many"
    )


def test_a_lambda_layer_is_refused_in_a_file_and_in_memory(tmp_path, models):
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import Opened

    model = models.doubling()
    model.save(tmp_path / "m.keras")
    assert (
        refusal(tmp_path / "m.keras")
        == """\
error[lambda-layer]: the layer `twice` is a `Lambda`, whose code a file must not bring along
help: replace it by a class of your own or by `keras.ops`, and save the model anew"""
    )
    with pytest.raises(SpecError) as in_memory:
        experiment_of(Opened(model), "m", "m.keras")
    assert (
        str(in_memory.value)
        == """\
error[lambda-layer]: the layer `twice`: a `Lambda` layer holds code that its config does not
help: write the function as `file.py:name`, or as an `expr` step"""
    )


OWN = """
import keras

class Scale(keras.layers.Layer):
    def __init__(self, by=1.0, **options):
        super().__init__(**options)
        self.by = by

    def call(self, x):
        return x * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}

class Grumbling(keras.Model):
    def train_step(self, data):
        raise TypeError

class Called(keras.Model):
    def call(self, x):
        return x

def softly(x):
    return keras.ops.softplus(x)

def badly(y_true, y_pred):
    return keras.ops.mean(y_true - y_pred)
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return lambda name: load_object(f"own.py:{name}", tmp_path)


def test_what_is_not_keras_s_needs_the_file_that_defines_it(tmp_path, models, own):
    from kexp.graph.opened import open_keras_file

    keras, path = models.keras, tmp_path / "m.keras"
    x = keras.Input((3,))
    y = keras.layers.Dense(2, activation=own("softly"))(own("Scale")(2.0, name="double")(x))
    model = keras.Model(x, y)
    model.compile("adam", own("badly"))
    model.save(path)

    assert (
        refusal(path)
        == """\
error[unknown-class]: the layer `double` is of the class `Scale`, which is not one of Keras's
help: name the file that defines it by `--code`; the spec calls it `file.py:Scale`"""
    )
    (tmp_path / "empty.py").touch()
    assert refusal(path, tmp_path / "empty.py") == "error[custom-name-missing]: `empty.py` defines no `Scale`"
    (tmp_path / "broken.py").write_text("import nowhere\n")
    assert (
        refusal(path, tmp_path / "broken.py")
        == """\
error[custom-import-failed]: importing `broken.py` raised ModuleNotFoundError
    File "broken.py", line 1, in <module>
      import nowhere
  ModuleNotFoundError: No module named 'nowhere'"""
    )
    text, built = models.imported(open_keras_file(path, tmp_path / "own.py"), folder=tmp_path)
    assert (
        text.partition("layers:\n")[2]
        == """\
    - own.py:Scale: {by: 2.0}
    - Dense: {units: 2, activation: 'own.py:softly'}
train:
  optimizer: Adam
  loss: own.py:badly
"""
    )
    models.check_equal(model, built)


def test_a_function_of_the_users_own_is_named(tmp_path, models, own):
    keras = models.keras
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(2, activation=own("softly"))(x)).save(tmp_path / "m.keras")
    assert (
        refusal(tmp_path / "m.keras")
        == """\
error[unknown-function]: the model uses the function `softly`, which is not one of Keras's
help: name the file that defines it by `--code`; the spec calls it `file.py:softly`"""
    )


def test_a_loss_that_no_spec_can_name_leaves_the_training_a_placeholder(tmp_path, models, own):
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import open_keras_file

    keras = models.keras
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    model.compile("sgd", own("badly"))
    model.save(tmp_path / "m.keras")
    imported = experiment_of(open_keras_file(tmp_path / "m.keras"), "m", "m.keras")
    training = imported.experiment.train
    assert (training.optimizer, training.loss, imported.is_compiled) == ("adam", "mean_squared_error", False)


def test_a_model_class_is_refused_where_it_does_what_no_graph_does(tmp_path, models, own):
    keras, path, code = models.keras, tmp_path / "m.keras", tmp_path / "own.py"
    x = keras.Input((3,))
    own("Grumbling")(x, keras.layers.Dense(2)(x)).save(path)
    assert (
        refusal(path)
        == """\
error[unknown-class]: the model is of the class `Grumbling`, which is not one of Keras's
help: name the file that defines it by `--code`; the spec calls it `file.py:Grumbling`"""
    )
    assert (
        refusal(path, code)
        == """\
error[not-a-graph]: `Grumbling` is a model class with a `train_step` of its own, and a spec holds graphs
help: write it as `file.py:Grumbling` in the spec, and import the Functional models inside it"""
    )
    called = own("Called")()
    called(keras.ops.ones((1, 3)))
    called.save(path)
    assert (
        refusal(path)
        == """\
error[not-a-graph]: `Called` is a model class with a `call` of its own, and a spec holds graphs
help: write it as `file.py:Called` in the spec, and import the Functional models inside it"""
    )


def test_a_model_without_layers_and_a_sparse_input_are_refused(tmp_path, models):
    keras, path = models.keras, tmp_path / "m.keras"
    nothing = keras.Sequential(name="nothing")
    nothing.built = True
    nothing.save(path)
    assert refusal(path) == "error[empty-model]: the model `nothing` has no layers"
    x = keras.Input((3,), sparse=True, name="few")
    keras.Model(x, keras.layers.Dense(2)(x)).save(path)
    assert refusal(path) == (
        "error[sparse-input]: the input `few` is sparse or ragged, and a spec's inputs are dense"
    )
