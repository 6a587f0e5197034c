"""Training batches changed at random, as a function of (seed, epoch, step) alone."""

from pathlib import Path

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.document import parse_document
from kexp.errors import SpecError
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

SPEC = """\
seed: 3
data: {{source: npz, path: d.npz}}
augment: {augment}
model:
  inputs: {{image: [16, 16, 3], other: [16, 16], flat: [4]}}
  layers:
    - image -> Conv2D -> mask: {{filters: 1, kernel_size: 1, activation: sigmoid}}
  outputs: [mask]
train: {{optimizer: sgd, loss: {{mask: binary_crossentropy}}}}
"""
INFO = DataInfo(
    inputs=(
        TensorInfo("image", (16, 16, 3), "uint8"),
        TensorInfo("other", (16, 16), "float32"),
        TensorInfo("flat", (4,), "float32"),
    ),
    targets=(
        TensorInfo("mask", (16, 16), "uint8"),
        TensorInfo("label", (), "int32"),
        TensorInfo("shares", (2,), "float32"),
    ),
    classes={},
    num_classes={"mask": 2},
    sizes={"train": 100},
)
PATCHES = np.kron(np.random.default_rng(0).random((6, 4, 4)) > 0.5, np.ones((1, 4, 4)))
MASKS = PATCHES.astype(np.uint8)
IMAGES = np.repeat(MASKS[..., None] * 255, 3, axis=-1).astype(np.uint8)
OTHERS = PATCHES.astype(np.float32)
FLAT = np.ones((6, 4), np.float32)
LABELS = np.arange(6, dtype=np.int32)
SHARES = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]
BATCH = ((IMAGES, OTHERS, FLAT), (MASKS, LABELS, SHARES))


class Outputs:
    """Stands for a model with one output for each target."""

    _outputs_struct = None


@pytest.fixture
def augmentation(tmp_path):
    machine()

    def build(augment, seed=3):
        from kexp.graph.assemble import Assembly
        from kexp.graph.augment import build_augmentation
        from kexp.graph.construct import Context

        text = SPEC.format(augment=augment)
        experiment = parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))
        targets = {target.name: target for target in INFO.targets}
        ports = experiment.graph.inputs
        return build_augmentation(
            experiment, Assembly(Outputs(), ports, targets, Context(seed, tmp_path, {})), INFO
        )

    return build


def found(changed):
    """Return what a batch holds, by name."""
    (image, other, flat), (mask, label, shares) = changed
    return {"image": image, "other": other, "flat": flat, "mask": mask, "label": label, "shares": shares}


def at(augmentation, seed=3, epoch=0, step=0):
    return found(augmentation.on_arrays(BATCH, (seed, epoch, step)))


LAYERS = [
    "RandomFlip",
    "RandomTranslation: {height_factor: 0.3, width_factor: 0.3}",
    "RandomRotation: 0.2",
    "RandomZoom: 0.2",
    "RandomBrightness: 0.5",
    "RandomErasing",
    "RandAugment",
    "AugMix",
    "GaussianNoise: 0.5",
    "Dropout: 0.3",
]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_batch_depends_on_seed_epoch_and_step_and_on_nothing_before(augmentation, layer):
    augment = f"{{image: [{{{layer}}}]}}" if ":" in layer else f"{{image: [{layer}]}}"
    first, second = augmentation(augment), augmentation(augment)

    places = [(3, 0, 0), (3, 0, 1), (3, 1, 0), (4, 0, 0)]
    forwards = [at(first, *place)["image"] for place in places]
    backwards = [at(second, *place)["image"] for place in reversed(places)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, other)
    for other in forwards[1:]:
        assert not np.array_equal(forwards[0], other)


def test_it_is_the_same_inside_a_compiled_loop(augmentation):
    import tensorflow as tf

    change = augmentation("{image: [RandomFlip, {RandomRotation: 0.2}]}")

    @tf.function
    def loop(images):
        def body(step, kept):
            batch = ((images, OTHERS, FLAT), BATCH[1])
            changed = change(batch, tf.stack([3, 0, tf.cast(step, tf.int64)]))
            return step + 1, kept.write(step, changed[0][0])

        kept = tf.TensorArray(tf.float32, 3)
        return tf.while_loop(lambda step, kept: step < 3, body, (0, kept))[1].stack()

    together = loop(tf.constant(IMAGES)).numpy()
    for step in range(3):
        np.testing.assert_array_equal(together[step], at(change, step=step)["image"])


def test_what_is_not_named_stays_as_it_is(augmentation):
    changed = at(augmentation("{image: RandomFlip}"))

    for name, array in found(BATCH).items():
        if name != "image":
            np.testing.assert_array_equal(changed[name], array)
            assert changed[name].dtype == array.dtype


def test_whole_numbers_of_an_image_become_floats_in_the_same_range(augmentation):
    image = at(augmentation("{image: [{RandomRotation: 0.1}]}"))["image"]

    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0, 255)
    assert len(np.unique(image)) > 2


@pytest.mark.parametrize(
    "layer", ["RandomFlip", "RandomRotation: 0.2", "RandomZoom: 0.2", "RandomShear: {x_factor: 0.3}"]
)
def test_a_mask_moves_with_its_image_and_keeps_its_numbers(augmentation, layer):
    text = f"{{{layer}}}" if ":" in layer else layer
    changed = at(augmentation(f'{{"image, mask": [{text}]}}'))

    assert (changed["mask"].dtype, set(np.unique(changed["mask"]))) == (np.uint8, {0, 1})
    assert not np.array_equal(changed["mask"], MASKS)
    assert ((changed["image"][..., 0] > 127) == changed["mask"]).mean() > 0.98


def test_light_changes_an_image_and_not_its_mask(augmentation):
    changed = at(augmentation('{"image, mask": [{RandomBrightness: 0.5}]}'))

    np.testing.assert_array_equal(changed["mask"], MASKS)
    assert not np.array_equal(changed["image"], IMAGES)


def test_two_images_are_moved_alike(augmentation):
    changed = at(augmentation('{"image, other": [RandomFlip, {RandomRotation: 0.2}]}'))

    np.testing.assert_allclose(changed["image"][..., 0] / 255, changed["other"], atol=1e-6)
    assert not np.array_equal(changed["other"], OTHERS)


def test_labels_are_mixed_as_their_images_are(augmentation):
    changed = at(augmentation('{"image, shares": MixUp}'))

    np.testing.assert_allclose(changed["shares"].sum(axis=1), 1, rtol=1e-6)
    assert not np.array_equal(changed["shares"], SHARES)


def test_code_of_ones_own_that_names_no_seed_is_repeatable_too(augmentation, tmp_path):
    (tmp_path / "own.py").write_text(
        "import keras\n\n\ndef noisy(x):\n    return x + keras.random.normal(x.shape[1:])\n"
    )
    text = '{flat: "own.py:noisy"}'

    np.testing.assert_array_equal(at(augmentation(text))["flat"], at(augmentation(text))["flat"])
    assert not np.array_equal(at(augmentation(text))["flat"], at(augmentation(text), step=1)["flat"])


def test_nothing_to_augment_is_none(augmentation):
    assert augmentation("{}") is None


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        (
            "{flat: RandomFlip}",
            (
                "not-an-image",
                "`RandomFlip` takes images, and `flat` has shape [4]",
                "augment.flat.RandomFlip",
                "`Reshape` under `preprocess` gives height, width and channels",
            ),
        ),
        (
            "{image: [{RandomCrop: {height: 8, width: 8}}]}",
            (
                "shape-changed",
                "`augment` makes `image` [8, 8, 3], and the model takes [16, 16, 3]",
                "augment.image",
                "resize or crop all data alike under `preprocess`",
            ),
        ),
        (
            '{"image, msk": RandomFlip}',
            (
                "unknown-input",
                "there is no input or target `msk`",
                "augment.image, msk",
                "did you mean `mask`?",
            ),
        ),
        (
            '{"image, mask": [{GaussianNoise: 0.1}]}',
            (
                "one-input-layer",
                "`GaussianNoise` changes one input alone, and `mask` is to be changed alike",
                "augment.image, mask[0].GaussianNoise",
                "give `image` an entry of its own",
            ),
        ),
        (
            '{"image, label": MixUp}',
            (
                "mixed-labels",
                "`MixUp` mixes one-hot labels, and `label` holds one number each",
                "augment.image, label.MixUp",
                "one-hot labels come from a data function: `file.py:load`",
            ),
        ),
    ],
)
def test_what_cannot_be_augmented_is_refused_at_its_place(augmentation, augment, expected):
    with pytest.raises(SpecError) as caught:
        augmentation(augment)
    assert [(d.id, d.message, d.path, d.help) for d in caught.value.diagnostics] == [expected]


def test_keras_refuses_at_the_layer(augmentation):
    with pytest.raises(SpecError) as caught:
        augmentation('{"image, mask": MixUp}')
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.id, diagnostic.message, diagnostic.path) == (
        "keras-refused",
        "Keras refuses `MixUp`",
        "augment.image, mask.MixUp",
    )
    assert Path(diagnostic.span.source.name).name == "spec.yaml"
