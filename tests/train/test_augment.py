"""`augment` in a training: on training batches only, repeatable, and never in what is kept."""

import numpy as np
import pytest
from fakes import KERAS

from kexp.record.history import read_rows

pytestmark = KERAS

SPEC = """\
seed: 3
data: {source: sklearn, dataset: digits, split: {val: 0.15, test: 0.15}}
preprocess: {image: {from: features, layers: {Reshape: {target_shape: [8, 8, 1]}}}}
AUGMENT
model:
  layers:
    - Rescaling: 0.0625
    - Flatten
    - Dense: {units: 16, activation: relu}
    - Dense: {units: 10, activation: softmax}
train:
  optimizer: {Adam: 1e-2}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 2
  batch_size: 128
"""
MOVED = "augment: {image: [{RandomTranslation: {height_factor: 0.2, width_factor: 0.2}}]}"


def spec(augment):
    return SPEC.replace("AUGMENT", augment)


def test_a_training_on_changed_images_repeats_to_the_bit(train):
    first, second, plain = (train(spec(text)) for text in (MOVED, MOVED, ""))

    assert first.weights_sha256 == second.weights_sha256 != plain.weights_sha256
    assert read_rows(first.run)[-1]["val_loss"] == read_rows(second.run)[-1]["val_loss"]


def test_only_training_batches_are_changed(train, tmp_path):
    (tmp_path / "own.py").write_text("def glaring(x):\n    return x * 1000.0\n")
    result = train(spec('augment: {image: "own.py:glaring"}'))

    row = read_rows(result.run)[0]
    assert row["loss"] > 20 > max(row["val_loss"], result.metrics["test_loss"])


def test_no_random_layer_is_in_what_is_kept(train):
    import keras

    run = train(spec(MOVED)).run
    names = {type(layer).__name__ for layer in keras.models.load_model(run.model_file).layers}
    assert names == {"InputLayer", "Reshape", "Rescaling", "Flatten", "Dense"}


def test_a_mask_among_the_targets_is_moved_with_its_image(train, tmp_path):
    (tmp_path / "patches.py").write_text(
        "import numpy as np\n\n\n"
        "def load():\n"
        "    coarse = np.random.default_rng(0).random((96, 4, 4)) > 0.5\n"
        "    mask = np.kron(coarse, np.ones((1, 4, 4))).astype('uint8')\n"
        "    return {'image': np.repeat(mask[..., None] * 255, 3, -1).astype('uint8')}, {'mask': mask}\n"
    )
    result = train(
        'seed: 1\ndata: {source: "patches.py:load", split: {val: 0.25}}\n'
        'augment: {"image, mask": [RandomFlip, {RandomRotation: 0.25}]}\n'
        "model:\n"
        "  inputs: {image: [16, 16, 3]}\n"
        "  layers:\n"
        "    - Rescaling: {scale: 0.0078, offset: -1.0}\n"
        "    - Conv2D: {filters: 1, kernel_size: 1, activation: sigmoid}\n"
        "    - Reshape: {target_shape: [16, 16]}\n"
        "train: {optimizer: {Adam: 0.3}, loss: binary_crossentropy, metrics: [BinaryAccuracy], epochs: 8}\n"
    )
    assert read_rows(result.run)[-1]["binary_accuracy"] > 0.97
    np.testing.assert_allclose(result.metrics["val_binary_accuracy"], 1, atol=1e-3)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("augment: {imge: RandomFlip}", "there is no input `imge`"),
        (
            "augment: {image: [{RandomCrop: {height: 4, width: 4}}]}",
            "`augment` makes `image` [4, 4, 1], and the model takes [8, 8, 1]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_a_run_exists(train, tmp_path, augment, message):
    from kexp.errors import SpecError

    with pytest.raises(SpecError) as caught:
        train(spec(augment))
    assert [d.message for d in caught.value.diagnostics] == [message]
    assert not (tmp_path / "runs").exists()
