"""What `preprocess` and `augment` make of samples, shown as a training sees them."""

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.data.experiment import load_data
from kexp.document import parse_document
from kexp.protocols import ColumnFacts, Learnt, Passed, Version
from kexp.report.passages import learnt_lines
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

CODE = """\
import numpy as np


def scenes():
    coarse = np.random.default_rng(0).random((40, 4, 4)) > 0.5
    mask = np.kron(coarse, np.ones((1, 4, 4))).astype("uint8")
    image = np.repeat(mask[..., None] * 200 + 20, 3, -1).astype("uint8")
    kind = np.array(["cat", "dog"])[np.arange(40) % 2]
    return {"image": image, "size": np.arange(40.0)}, {"mask": mask, "kind": kind}


def homes():
    city = np.array(["Rome", "Oslo", "Rome", "Bern"] * 5)
    return {"city": city, "size": np.arange(20.0)}, np.arange(20.0)


def parts():
    (inputs, prices) = homes()
    return {**inputs, "size": np.array([7, 7, 1234567, 7] * 5)}, prices


def louder(x):
    return x + 1000.0
"""
SCENES = """\
seed: 3
data: {source: "own.py:scenes", split: {val: 0.2}}
preprocess:
  image: {Rescaling: {scale: 0.0078431372549, offset: -1}}
augment:
  "image, mask": [{RandomFlip: horizontal}, {RandomRotation: 0.2}]
  size: "own.py:louder"
model:
  inputs: {image: [16, 16, 3], amount: {from: size, shape: [1]}}
  layers:
    - image -> Conv2D -> m: {filters: 1, kernel_size: 1, activation: sigmoid}
    - image -> Flatten -> flat
    - flat, amount -> Concatenate
    - Dense -> k: {units: 2, activation: softmax}
  outputs: {kind: k, mask: m}
train:
  optimizer: sgd
  loss: {mask: binary_crossentropy, kind: sparse_categorical_crossentropy}
  epochs: 3
  batch_size: 10
"""
HOMES = """\
seed: 3
data: {source: "own.py:homes", split: {test: 0.2, shuffle: false}}
preprocess:
  city: {StringLookup: {output_mode: one_hot}}
  size: [{Rescaling: 2.0}, Normalization]
model: {layers: [city, size -> Concatenate, {Dense: 1}]}
train: {optimizer: sgd, loss: mse}
""".replace("[city, size -> Concatenate, {Dense: 1}]", '["city, size -> Concatenate", {Dense: 1}]')


@pytest.fixture
def experiment(tmp_path):
    machine()
    (tmp_path / "own.py").write_text(CODE)

    def parse(text):
        return parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path))

    return parse


@pytest.fixture
def previewed(experiment, tmp_path):
    def look(text, num_rows=2):
        from kexp.preview.look import preview

        spec = experiment(text)
        return preview(spec, load_data(spec, tmp_path), tmp_path, num_rows)

    return look


@pytest.mark.parametrize("more", ["", "  steps_per_epoch: 5\n", "  shuffle: false\n"])
def test_the_steps_shown_are_those_of_a_training(experiment, tmp_path, more):
    from kexp.preparation import prepare_data
    from kexp.preview.steps import first_steps
    from kexp.train.engine.interface import Leg
    from kexp.train.engine.single import Batches
    from kexp.train.execution import parts_of, train_feed
    from kexp.train.ready import make_ready

    spec = experiment(SCENES + more)
    ready = make_ready(spec, tmp_path)
    parts = parts_of(ready.assembly, ready.datasets.splits["train"])
    batches = Batches(train_feed(parts, ready.assembly, spec))
    steps = first_steps(spec, prepare_data(spec, load_data(spec, tmp_path), tmp_path), tmp_path)

    for epoch, step in ((0, 0), (1, 3)):
        batches.begin(Leg(epoch))
        (image, size), labels = batches[step]
        shown = steps.after(epoch, step)
        np.testing.assert_array_equal(shown[0, "image"], image)
        np.testing.assert_array_equal(shown[0, "size"], size)
        np.testing.assert_array_equal(shown[1, "mask"], labels["mask"])
        assert not np.array_equal(shown[1, "mask"], steps.before(epoch, step)[1, "mask"])


def test_a_sample_is_shown_as_each_step_that_takes_it_sees_it(experiment, tmp_path):
    from kexp.preparation import prepare_data
    from kexp.preview.steps import first_steps

    spec = experiment(SCENES)
    made = prepare_data(spec, load_data(spec, tmp_path), tmp_path)
    steps = first_steps(spec, made, tmp_path)
    rows = steps.first_rows(2)
    seen = steps.seen(rows, 4)

    assert [*seen] == rows
    for row, versions in seen.items():
        assert [one.epoch for one in versions] == [0, 1, 2]
        assert versions[0].step == 0
        for one in versions:
            batch, size = steps.before(one.epoch, one.step), made.datasets.splits["train"].inputs["size"][row]
            place = batch[0, "size"][:, 0].tolist().index(size)
            changed = steps.after(one.epoch, one.step)
            np.testing.assert_array_equal(one.values[0, "image"], changed[0, "image"][place])
            assert one.values[0, "size"] == size + 1000


def test_short_epochs_are_searched_for_more_versions(experiment, tmp_path):
    from kexp.preparation import prepare_data
    from kexp.preview.steps import first_steps

    spec = experiment(SCENES.replace("epochs: 3", "epochs: 30\n  steps_per_epoch: 1"))
    made = prepare_data(spec, load_data(spec, tmp_path), tmp_path)
    steps = first_steps(spec, made, tmp_path)
    seen = steps.seen(steps.first_rows(3), 3)

    for versions in seen.values():
        passes = [one.epoch // 4 for one in versions]  # 32 samples in 4 steps
        assert passes == [0, 1, 2]


def test_layers_are_told_with_what_they_learnt(previewed):
    city, size = previewed(HOMES).preprocess

    assert city.layers == (("StringLookup", (Learnt("vocabulary", 4, ("[UNK]", "Rome", "Oslo", "Bern")),)),)
    assert city.before == (ColumnFacts("city", "input", (), "text", num_distinct=3),)
    assert city.after == (ColumnFacts("city", "input", (4,), "int32", 0, 0.25, 1),)
    assert city.rows == (
        Passed(0, {"city": "Rome"}, (Version({"city": "0 1 0 0"}),)),
        Passed(1, {"city": "Oslo"}, (Version({"city": "0 0 1 0"}),)),
    )
    (rescaling, nothing), (normalization, learnt) = size.layers
    assert (rescaling, nothing, normalization) == ("Rescaling", (), "Normalization")
    mean, std = learnt
    assert (mean.name, mean.size, mean.first) == ("mean", 1, (15.0,))
    np.testing.assert_allclose(std.first, 2 * np.arange(16.0).std(), rtol=1e-6)
    assert size.rows[0] == Passed(0, {"size": "0"}, (Version({"size": "-1.627"}),))


def test_only_the_training_split_is_prepared(previewed):
    assert previewed(HOMES).preprocess[1].before[0].high == 15


def test_long_vectors_of_bits_are_told_by_their_places(previewed):
    text = HOMES.replace(
        "{StringLookup: {output_mode: one_hot}}", "{Hashing: {num_bins: 40, output_mode: one_hot}}"
    )
    (passed, _) = previewed(text).preprocess[0].rows

    assert passed.after[0].values["city"].startswith("1 at ")


def test_samples_are_told_before_and_in_every_step(previewed):
    pictures, size = previewed(SCENES, num_rows=1).augment

    assert (pictures.name, pictures.rows, pictures.is_drawn) == ("image, mask", (), True)
    assert [column.name for column in pictures.after] == ["image", "mask"]
    (passed,) = size.rows
    before = float(passed.before["size"])
    assert [version.values for version in passed.after] == [{"size": f"{before + 1000:.4g}"}] * 3
    assert [version.epoch for version in passed.after] == [1, 2, 3]
    assert size.after[0].low == size.before[0].low + 1000


def test_images_are_shown_on_their_way_with_their_masks_beside(previewed):
    (sheet,) = previewed(SCENES).sheets

    assert sheet.title == "what preprocess and augment make of image, mask"
    assert sheet.note == (
        "image: originally black is 0, white is 255; preprocessed black is -1, white is 1; "
        "mask: black is 0, white is 1"
    )
    assert len(sheet.lines) == 2
    captions = [cell.caption for cell in sheet.lines[0].cells]
    assert captions[:5] == ["original", "mask", "preprocessed", "epoch 1, step 1", "mask"]
    assert captions[5::2] == [caption for caption in captions if caption.startswith(("epoch 2", "epoch 3"))]
    assert captions[6::2] == ["mask", "mask"]
    row, kind = sheet.lines[0].label.split("\n")
    assert (row[:4], kind in ("kind: cat", "kind: dog")) == ("row ", True)


def test_without_augment_images_are_shown_before_and_after(previewed):
    text = SCENES[: SCENES.index("augment:")] + SCENES[SCENES.index("model:") :]
    seen = previewed(text)
    (sheet,) = seen.sheets

    assert seen.augment == ()
    assert sheet.title == "what preprocess makes of image"
    assert [line.label.split("\n")[0] for line in sheet.lines] == ["row 0", "row 1"]
    assert [cell.caption for cell in sheet.lines[0].cells] == ["original", "preprocessed"]


def test_without_preprocess_images_are_shown_before_and_in_every_step(previewed):
    text = SCENES[: SCENES.index("preprocess:")] + SCENES[SCENES.index("augment:") :]
    text = text.replace("RandomRotation: 0.2", "RandomBrightness: {factor: [1.0, 1.0]}")
    seen = previewed(text)

    assert seen.preprocess == ()
    assert seen.sheets[0].title == "what augment makes of image, mask"
    assert [cell.caption for cell in seen.sheets[0].lines[0].cells][:3] == [
        "original",
        "mask",
        "epoch 1, step 1",
    ]


def test_values_beyond_black_and_white_are_owned_to(previewed):
    text = SCENES.replace("[{RandomFlip: horizontal}, {RandomRotation: 0.2}]", '["own.py:louder"]')
    text = text.replace('"image, mask"', "image")

    (sheet,) = previewed(text).sheets
    assert sheet.note.startswith(
        "originally black is 0, white is 255; preprocessed black is -1, white is 1; "
    )
    assert sheet.note.endswith("augmented values reach from 999.2 to 1001, beyond black and white")


def test_no_samples_are_asked_for(previewed):
    seen = previewed(SCENES, num_rows=0)

    assert seen.sheets == ()
    assert [passage.rows for passage in (*seen.preprocess, *seen.augment)] == [(), (), ()]


def test_a_cache_on_disk_is_left_alone(previewed, tmp_path, monkeypatch):
    monkeypatch.setenv("KEXP_CACHE", str(tmp_path / "cache"))
    previewed(HOMES.replace("split: {test", "cache: disk, split: {test"))

    assert not (tmp_path / "cache").exists()


def test_seeds_change_what_is_shown_and_nothing_else_does(experiment, previewed):
    def steps(text):
        return [cell.caption for line in previewed(text).sheets[0].lines for cell in line.cells]

    first, again, other = steps(SCENES), steps(SCENES), steps(SCENES.replace("seed: 3", "seed: 4"))
    assert first == again != other


def test_shades_are_found_once_however_many_samples_are_shown(previewed, monkeypatch):
    from kexp.preview import strips

    found, looked = strips.shades_of, []

    def counted(arrays):
        looked.append(1)
        return found(arrays)

    monkeypatch.setattr(strips, "shades_of", counted)
    numbers = []
    for num_rows in (1, 6):
        looked.clear()
        (sheet,) = previewed(SCENES, num_rows).sheets
        numbers.append((len(sheet.lines), len(looked)))
    assert numbers == [(1, 3), (6, 3)]


def test_whole_numbers_of_a_vocabulary_are_told_in_full(previewed):
    text = HOMES.replace("own.py:homes", "own.py:parts").replace(
        "[{Rescaling: 2.0}, Normalization]", "{IntegerLookup: {output_mode: one_hot}}"
    )
    (_, number) = previewed(text).preprocess
    assert learnt_lines(number) == ["IntegerLookup learnt a vocabulary of 3: -1, 7, 1234567"]
