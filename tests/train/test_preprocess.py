"""`preprocess` in a run: raw values go into training, evaluation, prediction and `model.keras`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import KERAS, FakeDisplay

from kexp.errors import DataError, RunRefused, SpecError
from kexp.record.history import read_rows as read_history
from kexp.record.rundir import RunDir

pytestmark = KERAS

HOMES = """\
seed: 1
data: {source: csv, path: homes.csv, target: price, split: {val: 0.25, test: 0.25}}
preprocess:
  sizes: {from: [width, depth], layers: Normalization}
  city: {StringLookup: {output_mode: one_hot}}
  price: Normalization
model:
  layers:
    - sizes, city -> Concatenate
    - Dense: {units: 8, activation: tanh}
    - Dense: 1
train: {optimizer: {Adam: 1e-2}, loss: mse, metrics: [mae], epochs: 2, batch_size: 16}
"""
CITIES = ["Bern", "Oslo", "Rome"]


def write_homes(folder):
    """Write a table of homes; prices follow from sizes and cities."""
    rng = np.random.default_rng(0)
    width, depth, city = rng.uniform(4, 20, 120), rng.uniform(4, 20, 120), rng.integers(0, 3, 120)
    rows = [
        f"{w:.2f},{d:.2f},{CITIES[c]},{1000 * w * d * (1 + c):.0f}"
        for w, d, c in zip(width, depth, city, strict=True)
    ]
    (folder / "homes.csv").write_text("\n".join(["width,depth,city,price", *rows]) + "\n")


@pytest.fixture
def homes(tmp_path):
    write_homes(tmp_path)


@pytest.fixture(scope="module")
def kept(trainer, tmp_path_factory):
    """A run on homes, trained once."""
    folder = tmp_path_factory.mktemp("homes")
    write_homes(folder)
    return trainer(folder, FakeDisplay())(HOMES)


def rebuilt(run):
    from kexp.evaluate import rebuild

    return rebuild(run, "best")


def measured(run, split):
    from kexp.data.experiment import load_data
    from kexp.evaluate import choose_split
    from kexp.train.measuring import measure

    again = rebuilt(run)
    samples = choose_split(load_data(again.experiment, run.path), split)
    return measure(again.assembly, again.prepared(samples), again.batch_size)


def rows(text, run, tmp_path):
    """Return the predictions for rows of CSV."""
    from kexp.data.rows import read_rows
    from kexp.evaluate import predict

    path = tmp_path / "rows.csv"
    path.write_text(text)
    again = rebuilt(run)
    return predict(again, read_rows(path, "rows.csv", again.needed), 32)[0]


# ---------------------------------------------------------------- a run from raw values to raw values


def test_a_run_keeps_what_it_learnt_in_files_that_people_read(kept):
    run = kept.run

    names = sorted(path.name for path in run.preprocess.iterdir())
    assert names == ["city.json", "inputs.json", "price.json", "sizes.json"]
    assert json.loads((run.preprocess / "city.json").read_text()) == {
        "schema": 1,
        "entry": "city",
        "from": ["city"],
        "layers": [{"class": "StringLookup", "vocabulary": ["[UNK]", *_by_number(run)]}],
    }
    sums = run.sums.read_text()
    assert all(f"preprocess/{name}" in sums for name in names)
    info = json.loads(run.manifest.read_text())["data"]["info"]
    assert [(t["name"], t["shape"], t["dtype"]) for t in info["inputs"]] == [
        ("sizes", [2], "float32"),
        ("city", [4], "int32"),
    ]
    assert info["vocabulary_sizes"] == {"city": 4}


def _by_number(run):
    from kexp.data.experiment import load_data
    from kexp.record.experiment import read_experiment

    train = load_data(read_experiment(run), run.path).splits["train"]
    words, counts = np.unique(train.inputs["city"], return_counts=True)
    return [str(word) for _, word in sorted(zip(counts, words, strict=True), reverse=True)]


def test_what_was_learnt_is_the_training_splits_alone(kept):
    from kexp.data.experiment import load_data
    from kexp.record.experiment import read_experiment

    run = kept.run
    splits = load_data(read_experiment(run), run.path).splits
    kept = json.loads((run.preprocess / "sizes.json").read_text())["layers"][0]

    def means(samples):
        return [float(samples.inputs[name].mean()) for name in ("width", "depth")]

    np.testing.assert_allclose(kept["mean"], means(splits["train"]), rtol=1e-6)
    assert not np.allclose(kept["mean"], means(splits["val"]))


def test_a_run_measures_raw_data_as_it_did_at_its_end(kept):
    result = kept

    assert {f"test_{name}": value for name, value in measured(result.run, "test").items()} == {
        name: value for name, value in result.metrics.items() if name.startswith("test_")
    }


def test_metrics_and_predictions_are_in_the_data_s_own_units_and_the_loss_is_not(train, homes, tmp_path):
    result = train(HOMES.replace("epochs: 2", "epochs: 25").replace("1e-2", "5e-2"))
    predicted = rows("width,depth,city\n10,10,Oslo\n20,10,Rome\n", result.run, tmp_path)

    np.testing.assert_allclose(predicted[:, 0], [200_000, 600_000], rtol=0.15)
    assert result.metrics["test_mae"] > 1000
    assert result.metrics["test_loss"] < 0.05
    assert read_history(result.run)[0]["mae"] > 1000


def test_the_columns_come_in_any_order_and_beside_others(kept, tmp_path):
    run = kept.run

    plain = rows("width,depth,city\n10,12,Oslo\n", run, tmp_path)
    np.testing.assert_array_equal(plain, rows("city,price,depth,width\nOslo,1,12,10\n", run, tmp_path))


def test_a_word_that_training_has_not_seen_is_the_unknown_one(kept, tmp_path):
    run = kept.run

    unseen = rows("width,depth,city\n10,12,Paris\n10,12,Tokyo\n10,12,Oslo\n", run, tmp_path)
    assert unseen[0] == unseen[1] != unseen[2]


def test_model_keras_takes_raw_values_and_gives_what_the_run_predicts(kept, tmp_path):
    import keras
    import tensorflow as tf

    run = kept.run
    model = keras.models.load_model(run.model_file)
    found = model(
        {
            "width": tf.constant([[10.0], [7.0]]),
            "depth": tf.constant([[12.0], [5.0]]),
            "city": tf.constant([["Oslo"], ["Paris"]]),
        }
    )
    ours = rows("width,depth,city\n10,12,Oslo\n7,5,Paris\n", run, tmp_path)
    np.testing.assert_allclose(found.numpy(), ours, rtol=1e-6)
    assert [(t.name, t.dtype) for t in model.inputs] == [
        ("width", "float32"),
        ("depth", "float32"),
        ("city", "string"),
    ]


CUSTOM = """\
import numpy as np


def logarithm(x):
    return np.log(np.asarray(x))
"""


def test_code_that_takes_no_symbolic_tensor_stays_out_of_model_keras_and_this_is_said(
    train, homes, tmp_path, display
):
    import keras

    (tmp_path / "own.py").write_text(CUSTOM)
    text = HOMES.replace("layers: Normalization}", 'layers: [Concatenate, "own.py:logarithm"]}')
    run = train(text).run

    model = keras.models.load_model(run.model_file)
    assert [(t.name, t.shape) for t in model.inputs] == [("sizes", (None, 2)), ("city", (None, 4))]
    (note,) = display.notes
    assert note.startswith("model.keras is without `preprocess`, whose results go in and out: ")
    assert rows("width,depth,city\n10,12,Oslo\n", run, tmp_path).shape == (1, 1)


def test_rows_are_prepared_batch_by_batch_where_memory_is_short(kept):
    folder = kept.run.path.parents[1]
    text = HOMES.replace("split: {val", "cache: none, split: {val")

    from kexp.data.experiment import load_data
    from kexp.document import parse_document
    from kexp.preparation import prepare_data
    from kexp.spec.parse import parse_experiment

    experiment = parse_experiment(parse_document(text.encode(), "spec.yaml", folder))
    made = prepare_data(experiment, load_data(experiment, folder), folder)
    whole = rebuilt(kept.run).prepared(load_data(experiment, folder).splits["test"])
    lazy = made.datasets.splits["test"].inputs["sizes"]
    order = np.array([3, 0, 7])
    assert type(lazy).__name__ == "Computed"
    np.testing.assert_array_equal(lazy[order], whole.inputs["sizes"][order])


def test_numbers_of_a_vocabulary_flow_into_the_graph(train, tmp_path):
    (tmp_path / "mails.tsv").write_text(
        "text\tkind\n" + "win a prize now\tspam\nsee you at lunch\tham\n" * 20
    )
    text = (
        "seed: 1\n"
        'data: {source: csv, path: mails.tsv, delimiter: "\\t", target: kind, split: {test: 0.2}}\n'
        "preprocess: {text: {TextVectorization: {output_sequence_length: 4}}}\n"
        "model:\n"
        "  inputs: {text: {shape: [4], dtype: int32}}\n"
        "  layers:\n"
        "    - Embedding: {input_dim: $(vocabulary_size(text)), output_dim: 3}\n"
        "    - GlobalAveragePooling1D\n"
        "    - Dense: {units: $num_classes, activation: softmax}\n"
        "train: {optimizer: {Adam: 0.1}, loss: sparse_categorical_crossentropy, metrics: [acc], epochs: 5}\n"
    )
    result = train(text)

    assert json.loads(result.run.manifest.read_text())["model"]["values"]["vocabulary_size(text)"] == 10
    assert rebuilt(result.run).assembly.model.get_layer("embedding").input_dim == 10
    assert result.metrics["test_acc"] == 1.0


def test_smoke_prepares_a_few_real_samples(train, homes):
    assert train(HOMES, scope="smoke").state == "completed"


def test_made_up_data_has_nothing_to_learn_from(train, homes):
    with pytest.raises(SpecError) as caught:
        train(HOMES, scope="no-data")
    assert str(caught.value) == (
        "error[needs-data]: `--no-data` makes numbers, and `preprocess` learns from real data\n"
        "  --> preprocess\n"
        "help: `--smoke` alone takes a few samples of the data"
    )


# ---------------------------------------------------------------- what is refused


def refused(train, text):
    with pytest.raises((SpecError, DataError)) as caught:
        train(text)
    return [(d.id, d.message, d.path, d.help) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "from: [width, depth]",
            "from: [width, dept]",
            ("unknown-column", "the data has no column `dept`", "preprocess.sizes", "did you mean `depth`?"),
        ),
        (
            "  city: {StringLookup: {output_mode: one_hot}}\n",
            "  city: Normalization\n",
            (
                "text-input",
                "`Normalization` takes numbers, and `city` holds text",
                "preprocess.city",
                "`TextVectorization` makes numbers of sentences, `StringLookup` and `Hashing` of words",
            ),
        ),
        (
            "  sizes: {from: [width, depth], layers: Normalization}\n",
            "  sizes: {from: [width, depth], layers: {HashedCrossing: 8}}\n",
            (
                "not-whole",
                "`HashedCrossing` takes whole numbers, and `width` holds 14.1899995803833",
                "preprocess.sizes",
                "`Discretization` numbers all values",
            ),
        ),
        (
            "  price: Normalization\n",
            "",
            None,
        ),
    ],
)
def test_a_preparation_that_does_not_fit_the_data_is_refused(train, homes, old, new, expected):
    assert old in HOMES
    if expected is None:
        assert train(HOMES.replace(old, new)).state == "completed"
    else:
        assert refused(train, HOMES.replace(old, new)) == [expected]


def test_a_column_of_validation_alone_teaches_nothing(train, tmp_path):
    (tmp_path / "parts.py").write_text(
        "import numpy as np\n\n\n"
        "def load():\n"
        "    x, y = np.ones((8, 1)), np.ones(8)\n"
        '    return {"train": ({"a": x}, y), "val": ({"a": x, "b": x}, y)}\n'
    )
    text = (
        'data: {source: "parts.py:load"}\npreprocess: {b: Normalization}\n'
        "model: {layers: [{Dense: 1}]}\ntrain: {optimizer: sgd, loss: mse}\n"
    )
    assert refused(train, text) == [
        (
            "different-parts",
            "input `b` is float32 of shape (1,) each in `val` and absent in `train`",
            "data",
            None,
        )
    ]


def test_text_that_no_entry_makes_numbers_of_is_refused_with_the_way_out(train, homes):
    text = HOMES.replace("  city: {StringLookup: {output_mode: one_hot}}\n", "").replace(
        "model:\n", "model:\n  inputs: [sizes, city]\n"
    )
    assert refused(train, text) == [
        (
            "text-input",
            "the input `city` holds text, and Keras trains on numbers",
            "model.inputs.city",
            "make it numbers by `preprocess: {city: [TextVectorization]}` or `[StringLookup]`",
        )
    ]


def damaged(run, tmp_path):
    copy = tmp_path / "damaged" / run.id
    shutil.copytree(run.path, copy)
    return RunDir(copy)


def test_a_run_without_its_preparation_is_refused(kept, tmp_path):
    run = damaged(kept.run, tmp_path)
    (run.preprocess / "city.json").unlink()

    with pytest.raises(RunRefused) as caught:
        rebuilt(run)
    assert str(caught.value) == (
        f"error[preprocess-missing]: run `{run.id}` holds no `preprocess/city.json`, which its data needs\n"
        "help: restore the file from a copy of the run, or train again"
    )


def test_a_preparation_that_was_changed_is_refused(kept, tmp_path):
    run = damaged(kept.run, tmp_path)
    path = run.preprocess / "city.json"
    path.write_text(path.read_text().replace("Oslo", "Olso"))

    with pytest.raises(RunRefused) as caught:
        rebuilt(run)
    assert [(d.id, d.message) for d in caught.value.diagnostics] == [
        (
            "file-differs",
            "`preprocess/city.json` is not the file that `SHA256SUMS` of its run describes",
        )
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "it is not JSON"),
        (
            '{"schema": 1, "layers": []}',
            "it does not hold what `preprocess` learnt: zip() argument 3 is shorter",
        ),
        ('{"schema": 1, "layers": [{}]}', "it does not hold what `preprocess` learnt: 'vocabulary'"),
        (
            '{"schema": 1, "layers": [{"vocabulary": ["[UNK]", "a", "a"]}]}',
            "it does not hold what `preprocess` learnt: The passed vocabulary has at least one repeated term",
        ),
    ],
)
def test_a_preparation_of_a_stranger_that_holds_something_else_is_refused(kept, tmp_path, content, why):
    run = damaged(kept.run, tmp_path)
    (run.preprocess / "city.json").write_text(content)
    run.write_sums()

    with pytest.raises(RunRefused) as caught:
        rebuilt(run)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.id, caught.value.exit_code) == ("file-broken", 8)
    assert diagnostic.message.startswith(f"`preprocess/city.json` of run `{run.id}` is broken: {why}")


# ---------------------------------------------------------------- adapted inside the graph


def adapted(layer, more=""):
    return (
        "seed: 1\n"
        "data: {source: npz, path: codes.npz, split: {val: 0.25, test: 0.25}}\n"
        "model:\n"
        "  inputs: {x: {shape: [1], dtype: int32}}\n"
        "  layers:\n"
        f"    - {layer}\n"
        "      adapt: true\n"
        f"{more}"
        "    - Dense: 1\n"
        "train: {optimizer: {Adam: 0.1}, loss: mse, epochs: 2, batch_size: 8}\n"
    )


@pytest.fixture
def codes(tmp_path):
    x = np.array([10, 20, 30, 40] * 10, np.int64)
    np.savez(tmp_path / "codes.npz", x=x, y=(x == 20).astype(np.float32))


EMBEDDED = "    - Embedding: {input_dim: 8, output_dim: 2}\n    - Flatten\n"


@pytest.mark.parametrize(
    ("layer", "more", "name", "key"),
    [
        ("IntegerLookup:", EMBEDDED, "integer_lookup", "vocabulary"),
        ("Discretization: {num_bins: 4, output_mode: one_hot}", "", "discretization", "bin_boundaries"),
        ("Normalization:", "", "normalization", "mean"),
    ],
)
def test_a_layer_adapted_inside_the_graph_is_kept_and_comes_back(train, codes, layer, more, name, key):
    import keras

    from kexp.graph.layer_state import state_of

    result = train(adapted(layer, more))
    again = rebuilt(result.run).assembly.model
    record = json.loads((result.run.preprocess / "model" / f"{name}.json").read_text())

    assert record[key] == state_of(again.get_layer(name))[key]
    assert {f"test_{n}": value for n, value in measured(result.run, "test").items()} == {
        n: value for n, value in result.metrics.items() if n.startswith("test_")
    }
    saved = keras.models.load_model(result.run.model_file)
    x = np.array([[10], [20], [99]])
    np.testing.assert_allclose(saved.predict(x, verbose=0), again.predict(x, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "more", "expected"),
    [
        (
            "Dense: 3",
            "",
            (
                "cannot-adapt",
                "`Dense` learns nothing from data alone",
                "remove `adapt`: its weights are trained",
            ),
        ),
        (
            "StringLookup:",
            "",
            (
                "cannot-adapt",
                "`StringLookup` learns from text, which no input of a graph holds",
                "put it before the model: `preprocess: {x: [StringLookup]}`",
            ),
        ),
        (
            "Discretization: {num_bins: 50}",
            "",
            ("too-few-values", "`x` has values for 20 bins, and `num_bins` is 50", "ask for fewer bins"),
        ),
    ],
)
def test_what_cannot_be_adapted_inside_the_graph_is_refused(train, codes, layer, more, expected):
    with pytest.raises(SpecError) as caught:
        train(adapted(layer, more))
    assert [(d.id, d.message, d.help) for d in caught.value.diagnostics] == [expected]


# ---------------------------------------------------------------- real data


def on(folder: Path, text: str) -> str:
    return text.replace("$DATA", str(folder))


SPAM = """\
seed: 1
data:
  source: csv
  path: $DATA/sms-spam.tsv
  delimiter: "\\t"
  header: false
  quoted: false
  target: 0
  split: {val: 0.1, test: 0.2, stratify: true}
preprocess:
  text: {from: column_1, layers: {TextVectorization: {max_tokens: 8000, output_sequence_length: 60}}}
model:
  layers:
    - Embedding: {input_dim: $(vocabulary_size(text)), output_dim: 32}
    - GlobalAveragePooling1D
    - Dropout: 0.2
    - Dense: {units: 16, activation: relu}
    - Dense: {units: 1, activation: sigmoid}
train: {optimizer: {Adam: 3e-3}, loss: binary_crossentropy, metrics: [accuracy], epochs: 10, batch_size: 64}
"""
PENGUINS = """\
seed: 1
data:
  source: csv
  path: $DATA/penguins.csv
  target: species
  missing:
    sex: unknown
    bill_length_mm: median
    bill_depth_mm: median
    flipper_length_mm: median
    body_mass_g: median
  split: {val: 0.15, test: 0.2, stratify: true}
preprocess:
  measures: {from: [bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g], layers: Normalization}
  island: {StringLookup: {output_mode: one_hot}}
  sex: {StringLookup: {output_mode: one_hot}}
model:
  layers:
    - measures, island, sex -> Concatenate
    - Dense: {units: 32, activation: relu}
    - Dense: {units: $num_classes, activation: softmax}
train:
  optimizer: {Adam: 1e-2}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 20
  batch_size: 16
"""
WINE = """\
seed: 1
data: {source: csv, path: $DATA/winequality-red.csv, header: false, target: 11, split: {val: 0.1, test: 0.2}}
preprocess: {features: Normalization, column_11: Normalization}
model:
  layers:
    - Dense: {units: 32, activation: relu}
    - Dense: {units: 16, activation: relu}
    - Dense: 1
train: {optimizer: {Adam: 3e-3}, loss: mse, metrics: [mae], epochs: 12, batch_size: 64}
"""


def test_spam_is_told_from_ham(train, real_data, tmp_path):
    result = train(on(real_data, SPAM))
    shown = rows(
        "column_1\nyou have won a free prize call now to claim\nok see you at lunch\n", result.run, tmp_path
    )
    assert result.metrics["test_accuracy"] >= 0.97
    assert shown[0] > 0.5 > shown[1]


def test_penguins_are_told_apart(train, real_data):
    assert train(on(real_data, PENGUINS)).metrics["test_accuracy"] >= 0.95


def test_the_quality_of_wine_is_guessed_in_its_own_points(train, real_data):
    assert 0.4 < train(on(real_data, WINE)).metrics["test_mae"] < 0.56
