import numpy as np
import pytest
from fakes import KERAS

from kexp.errors import SpecError
from kexp.record.history import read_rows

pytestmark = KERAS

SPEC = """\
seed: 3
data: {{source: sklearn, dataset: digits, split: {{val: 0.15, test: 0.15}}}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense -> body: {body}
    - Dense -> head: {{units: 10, activation: softmax}}
train:
  optimizer: {optimizer}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 2
  batch_size: 256
{more}"""


def spec(more="", body="8", optimizer="{Adam: 1e-2}"):
    return SPEC.format(more=more, body=body, optimizer=optimizer)


def best(run):
    from kexp.graph.checkpoint import unpack

    return unpack(run.best_checkpoint.read_bytes(), "best")


def initial(text, folder):
    """Return the arrays that a spec's model begins with."""
    from kexp.data.experiment import load_data
    from kexp.document import parse_document
    from kexp.graph.assemble import assemble
    from kexp.graph.weights import arrays_of, model_variables
    from kexp.spec.parse import parse_experiment

    experiment = parse_experiment(parse_document(text.encode(), "spec.yaml", folder))
    return arrays_of(model_variables(assemble(experiment, load_data(experiment, folder).info, folder).model))


# ---------------------------------------------------------------- stages

HEAD = "    - {name: head, epochs: 2, freeze: [body]}\n"
FINETUNE = "    - {name: finetune, epochs: 1, optimizer: {SGD: 0.5}, unfreeze: [body]}\n"


def test_a_frozen_layer_keeps_its_weights_until_a_stage_unfreezes_it(train, tmp_path):
    first = spec(f"  stages:\n{HEAD}")
    start = initial(first, tmp_path)
    frozen = best(train(first).run)
    freed = best(train(spec(f"  stages:\n{HEAD}{FINETUNE}")).run)

    np.testing.assert_array_equal(frozen["model/body/0"], start["model/body/0"])
    assert not np.array_equal(frozen["model/head/0"], start["model/head/0"])
    assert not np.array_equal(freed["model/body/0"], start["model/body/0"])


def test_stages_make_one_history_that_names_them(train, display):
    result = train(spec(f"  stages:\n{HEAD}{FINETUNE}"))

    rows = read_rows(result.run)
    assert [(row["epoch"], row["stage"], row["learning_rate"]) for row in rows] == [
        (1, "head", pytest.approx(0.01)),
        (2, "head", pytest.approx(0.01)),
        (3, "finetune", 0.5),
    ]
    assert [row["step"] for row in rows] == [rows[0]["step"] * n for n in (1, 2, 3)]
    assert display.plans[0].epochs == 3
    assert result.epochs == 3


def test_the_best_epoch_is_one_of_the_last_stage(train):
    worse = "    - {name: worse, epochs: 1, optimizer: {SGD: 30.0}}\n"
    result = train(spec(f"  stages:\n    - {{name: good, epochs: 2}}\n{worse}"))
    assert result.best["epoch"] == 3


OWN = """\
seed: 3
data: {source: sklearn, dataset: digits, split: {val: 0.15, test: 0.15}}
model: {layers: [{Rescaling: 0.0625}, {Dense: {units: 10, activation: softmax}}]}
train:
  batch_size: 256
  stages:
    - {name: first, optimizer: adam, loss: sparse_categorical_crossentropy}
    - name: second
      optimizer: {SGD: 0.1}
      loss: {SparseCategoricalCrossentropy: {ignore_class: 9}}
      metrics: [accuracy]
      callbacks: [{EarlyStopping: {monitor: val_accuracy}}]
    - {name: third, optimizer: adam, loss: sparse_categorical_crossentropy}
"""


def test_every_stage_may_have_an_optimizer_a_loss_and_metrics_of_its_own(train):
    from kexp.evaluate import heads, rebuild

    result = train(OWN)

    published = [
        [name for name in row if name.endswith(("loss", "accuracy"))] for row in read_rows(result.run)
    ]
    assert published == [
        ["loss", "val_loss"],
        ["loss", "accuracy", "val_loss", "val_accuracy"],
        ["loss", "val_loss"],
    ]
    assert sorted(result.metrics) == ["loss", "test_loss", "val_loss"]
    assert [head.task for head in heads(rebuild(result.run, "best"))] == ["classes"]


def test_the_metrics_of_a_later_stage_are_tried_before_the_first_one_trains(train, tmp_path):
    (tmp_path / "own.py").write_text(
        "import keras\ndef odd(y_true, y_pred):\n    return keras.ops.reshape(y_pred, (7, 11))\n"
    )
    with pytest.raises(SpecError) as caught:
        train(OWN.replace("[accuracy]", '[accuracy, "own.py:odd"]'))
    assert [(d.id, d.message, d.path) for d in caught.value.diagnostics] == [
        (
            "keras-refused",
            "Keras refuses this loss and these metrics for the labels",
            "train.stages[1].loss",
        )
    ]
    assert not (tmp_path / "runs").exists()


def test_a_loss_that_does_not_fit_is_refused_at_its_stage(train):
    with pytest.raises(SpecError) as caught:
        train(OWN.replace("{SparseCategoricalCrossentropy: {ignore_class: 9}}", "categorical_crossentropy"))
    assert [(d.id, d.message, d.path, d.help) for d in caught.value.diagnostics] == [
        (
            "loss-label-mismatch",
            "`categorical_crossentropy` takes one-hot labels, and the loss of another stage "
            "takes class numbers",
            "train.stages[1].loss",
            "use `sparse_categorical_crossentropy` here, or one-hot losses in every stage",
        )
    ]


def test_losses_that_all_take_one_hot_labels_get_them(train):
    text = OWN.replace("{SparseCategoricalCrossentropy: {ignore_class: 9}}", "categorical_focal_crossentropy")
    train(text.replace("sparse_categorical_crossentropy", "categorical_crossentropy"))


NESTED = """\
    - {name: head, epochs: 2, freeze: [body/low]}
    - {name: all, epochs: 1, freeze: [body], unfreeze: [body/low]}
"""


def test_a_stage_freezes_a_layer_inside_a_nested_model(train, tmp_path):
    def nested(stages):
        text = spec(f"  stages:\n{stages}")
        return text.replace(
            "Dense -> body: 8", "model -> body: {layers: [{Dense -> low: 8}, {Dense -> high: 8}]}"
        )

    head, both = NESTED.splitlines(keepends=True)
    start = initial(nested(head), tmp_path)
    first, second = (best(train(nested(stages)).run) for stages in (head, head + both))

    def changed(before, after):
        return [
            key
            for key in before
            if key.startswith("model/body") and not np.array_equal(before[key], after[key])
        ]

    assert changed(start, first) == ["model/body/2", "model/body/3"]
    assert changed(first, second) == ["model/body/0", "model/body/1"]


# ---------------------------------------------------------------- outputs without a loss

HEADS = """\
seed: 3
data: {source: sklearn, dataset: digits, split: {val: 0.15, test: 0.15}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense -> code: 4
    - Dense -> target: {units: 10, activation: softmax}
    - code -> Dense -> extra: 2
  outputs: OUTPUTS
train:
  optimizer: adam
  loss: {target: sparse_categorical_crossentropy, extra: null}
  metrics: {target: [accuracy]}
  batch_size: 256
"""


@pytest.mark.parametrize("outputs", ["[target, extra]", "{target: target, extra: extra}"])
def test_an_output_without_a_loss_is_left_as_it_is_without_a_warning(train, tmp_path, outputs):
    text = HEADS.replace("OUTPUTS", outputs)
    start, end = initial(text, tmp_path), best(train(text).run)

    assert [key for key in start if np.array_equal(start[key], end[key])] == [
        "model/extra/0",
        "model/extra/1",
    ]


# ---------------------------------------------------------------- adapt


def test_an_adapted_layer_knows_the_training_split_and_is_kept_with_the_run(train):
    from kexp.data.experiment import load_data
    from kexp.evaluate import choose_split, rebuild
    from kexp.train.measuring import measure

    text = spec().replace("    - Rescaling: 0.0625\n", "    - Normalization:\n      adapt: true\n")
    result = train(text)
    rebuilt = rebuild(result.run, "best")
    datasets = load_data(rebuilt.experiment, result.run.path)
    layer = rebuilt.assembly.model.get_layer("normalization")

    (images,) = datasets.splits["train"].inputs.values()
    np.testing.assert_allclose(np.asarray(layer.mean)[0], images.mean(axis=0), rtol=1e-5, atol=1e-6)
    again = measure(rebuilt.assembly, choose_split(datasets, "test"), 256)
    assert {f"test_{name}": value for name, value in again.items()} == {
        name: value for name, value in result.metrics.items() if name.startswith("test_")
    }


# ---------------------------------------------------------------- what Keras offers at compile time


def test_averaged_weights_are_those_validated_and_kept(train):
    from kexp.data.experiment import load_data
    from kexp.evaluate import choose_split, rebuild
    from kexp.train.measuring import measure

    text = spec(optimizer="{Adam: {learning_rate: 1e-2, use_ema: true, ema_momentum: 0.9}}")
    result = train(text)
    plain = train(spec())

    assert result.weights_sha256 != plain.weights_sha256
    rebuilt = rebuild(result.run, "best")
    datasets = load_data(rebuilt.experiment, result.run.path)
    measured = measure(rebuilt.assembly, choose_split(datasets, "val"), 256)
    assert measured["loss"] == pytest.approx(result.metrics["val_loss"], rel=1e-6)


def test_gradients_are_accumulated_over_steps(train, tmp_path):
    text = spec(optimizer="{SGD: {learning_rate: 0.1, gradient_accumulation_steps: %d}}")
    start = initial(text % 2, tmp_path)["model/body/0"]
    never, often = (best(train(text % steps).run)["model/body/0"] for steps in (1000, 2))

    np.testing.assert_array_equal(never, start)
    assert not np.array_equal(often, start)


def test_a_layer_of_low_rank_trains_only_its_small_matrices(train, tmp_path):
    text = spec(body="{units: 16, lora_rank: 2}")
    start, end = initial(text, tmp_path), best(train(text).run)

    body = {key: array.shape for key, array in end.items() if key.startswith("model/body/")}
    assert sorted(body.values()) == [(2, 16), (16,), (64, 2), (64, 16)]
    kernel = next(key for key, shape in body.items() if shape == (64, 16))
    np.testing.assert_array_equal(end[kernel], start[kernel])


# ---------------------------------------------------------------- the saved model


def test_a_run_whose_model_holds_training_off_keeps_a_model_of_keras_alone(train, tmp_path):
    import keras

    from kexp.data.experiment import load_data
    from kexp.evaluate import choose_split, rebuild

    text = spec().replace(
        "    - Dense -> head", "    - BatchNormalization:\n      call: {training: false}\n    - Dense -> head"
    )
    run = train(text).run
    rebuilt = rebuild(run, "best")
    samples = choose_split(load_data(rebuilt.experiment, run.path), "test")
    known = dict(keras.saving.get_custom_objects())
    keras.saving.get_custom_objects().clear()
    try:
        loaded = keras.models.load_model(run.model_file)
    finally:
        keras.saving.get_custom_objects().update(known)

    inputs = rebuilt.assembly.inputs(samples)
    expected = rebuilt.assembly.model.predict(inputs, verbose=0)
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), expected)


# ---------------------------------------------------------------- a model class that receives graphs

GAN_CODE = '''\
import keras
import tensorflow as tf


class GAN(keras.Model):
    """A generator against a critic, each given as a graph."""

    def __init__(self, latent_dim, generator, critic):
        super().__init__()
        self.latent_dim, self.generator, self.critic = latent_dim, generator, critic
        self.built = True

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile()
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer
        self.critic_loss = keras.metrics.Mean(name="critic_loss")
        self.generator_loss = keras.metrics.Mean(name="generator_loss")

    @property
    def metrics(self):
        return [self.critic_loss, self.generator_loss]

    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        noise = tf.random.normal((tf.shape(real)[0], self.latent_dim))
        with tf.GradientTape() as tape:
            fake, true = self.critic(self.generator(noise)), self.critic(real)
            critic_loss = loss(tf.ones_like(true), true) + loss(tf.zeros_like(fake), fake)
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply_gradients(zip(tape.gradient(critic_loss, weights), weights))
        with tf.GradientTape() as tape:
            fake = self.critic(self.generator(noise))
            generator_loss = loss(tf.ones_like(fake), fake)
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply_gradients(zip(tape.gradient(generator_loss, weights), weights))
        self.critic_loss.update_state(critic_loss)
        self.generator_loss.update_state(generator_loss)
        return {metric.name: metric.result() for metric in self.metrics}
'''
GAN = """\
seed: 3
data: {source: npz, path: random.npz, x: points, y: none}
model:
  "gan.py:GAN":
    latent_dim: 3
    generator: {model: {inputs: {noise: [3]}, layers: [{Dense: {units: 8, activation: relu}}, {Dense: 2}]}}
    critic: {model: {inputs: {point: [2]}, layers: [{Dense: {units: 8, activation: relu}}, {Dense: 1}]}}
train:
  epochs: 2
  batch_size: 16
  checkpoint: {best: {monitor: critic_loss, mode: min}}
  compile: {critic_optimizer: {Adam: 1e-2}, generator_optimizer: {Adam: 1e-2}}
"""


def test_a_model_class_trains_the_graphs_that_it_receives(train, tmp_path):
    (tmp_path / "gan.py").write_text(GAN_CODE)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "random.npz", points=rng.normal(size=(64, 2)).astype("float32"), none=np.zeros(64))
    result = train(GAN)

    rows = read_rows(result.run)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"critic_loss", "generator_loss"} <= set(rows[1])
    assert {key.split("/")[1] for key in best(result.run)} >= {"generator", "critic"}


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        ("NotImplementedError", "NotImplementedError"),
        ("ValueError('it holds\\nopen files. Close them.')", "it holds open files"),
    ],
)
def test_a_model_class_that_keras_cannot_save_is_said_with_the_reason(
    train, tmp_path, display, raised, reason
):
    refusing = f"    def get_config(self):\n        raise {raised}\n"
    (tmp_path / "gan.py").write_text(f"{GAN_CODE}\n{refusing}")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "random.npz", points=rng.normal(size=(64, 2)).astype("float32"), none=np.zeros(64))
    result = train(GAN)

    assert display.notes == [f"no model.keras: Keras cannot save GAN: {reason}"]
    assert not result.run.model_file.exists()
