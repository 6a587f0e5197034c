import dataclasses
import hashlib
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kexp.data import SOURCES
from kexp.data.load import Datasets, load
from kexp.errors import KexpError
from kexp.protocols import DataInfo, Site, TensorInfo
from kexp.spec.types import Data, Split, Value

ROWS = "a,b,kind\n1,10,x\n2,20,y\n3,,x\n4,40,y\n5,,x\n6,60,y\n"


def csv_data(folder: Path, text: str = ROWS, split: Split | None = None, **options: str | int) -> Data:
    (folder / "t.csv").write_text(text)
    missing = {"b": "median"}
    return Data("csv", {"path": "t.csv", "target": "kind", "missing": missing, **options}, split or Split())


def refusal(data: Data, folder: Path = Path()) -> str:
    with pytest.raises(KexpError) as caught:
        load(data, Site(folder, seed=0))
    return str(caught.value)


def test_every_source_is_there_and_documents_its_options() -> None:
    for place in SOURCES.values():
        module, _, name = place.partition(":")
        source = getattr(importlib.import_module(module), name)
        options = (inspect.getdoc(source) or "").split("\n\n")[1]
        documented = [line.partition(":")[0] for line in options.splitlines()]
        assert documented == list(inspect.signature(source).parameters)[1:]


def test_the_whole_way_from_a_file_to_splits(tmp_path: Path) -> None:
    datasets = load(csv_data(tmp_path, split=Split(test=2, shuffle=False)), Site(tmp_path, seed=0))
    assert {name: part.inputs["features"].tolist() for name, part in datasets.splits.items()} == {
        "train": [[1, 10], [2, 20], [3, 20], [4, 40]],
        "test": [[5, 20], [6, 60]],
    }
    assert {name: part.targets["kind"].tolist() for name, part in datasets.splits.items()} == {
        "train": [0, 1, 0, 1],
        "test": [0, 1],
    }
    assert datasets.info == DataInfo(
        inputs=(TensorInfo("features", (2,), "float32"),),
        targets=(TensorInfo("kind", (), "int32"),),
        classes={"kind": ("x", "y")},
        num_classes={"kind": 2},
        sizes={"train": 4, "test": 2},
        columns={"features": ("a", "b")},
        fills={"features": {"b": 20.0}},
    )


def test_what_stood_for_missing_values_survives_json(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,kind\n1,,p,x\n,2,NA,y\n4,3.5,q,x\n6,5,r,y\n")
    fills: dict[str, Value] = {"a": 0, "b": "mean", "c": "none"}
    data = Data("csv", {"path": "t.csv", "target": "kind", "missing": fills}, Split(test=1, shuffle=False))
    info = load(data, Site(tmp_path, seed=0, columns=("a", "b", "c"))).info
    record = json.loads(json.dumps(dataclasses.asdict(info)))
    assert (record["fills"], record["columns"]) == (
        {"a": {"a": 0.0}, "b": {"b": 2.75}, "c": {"c": "none"}},
        {},
    )


def test_the_fingerprint_tells_files_contents_rows_and_classes(tmp_path: Path) -> None:
    datasets = load(csv_data(tmp_path, split=Split(test=2, shuffle=False)), Site(tmp_path, seed=0))
    found = json.loads(json.dumps(datasets.fingerprint.as_json()))
    contents = found.pop("content_sha256")
    assert found == {
        "files": [
            {
                "path": str(tmp_path / "t.csv"),
                "size_bytes": len(ROWS),
                "sha256": hashlib.sha256(ROWS.encode()).hexdigest(),
            }
        ],
        "index_sha256": {
            "train": hashlib.sha256(np.arange(4, dtype="<i8").tobytes()).hexdigest(),
            "test": hashlib.sha256(np.array([4, 5], "<i8").tobytes()).hexdigest(),
        },
        "class_counts": {"train": {"kind": {"x": 2, "y": 2}}, "test": {"kind": {"x": 1, "y": 1}}},
    }
    assert {name: len(digest) for name, digest in contents.items()} == {"train": 64, "test": 64}


def fingerprint(folder: Path, text: str, seed: int = 0) -> dict[str, str]:
    data = csv_data(folder, text, Split(test=2, seed=seed))
    return dict(load(data, Site(folder, seed=0)).fingerprint.content_sha256)


def test_one_changed_value_changes_the_hash_of_its_split_alone(tmp_path: Path) -> None:
    first, again = fingerprint(tmp_path, ROWS), fingerprint(tmp_path, ROWS)
    changed = fingerprint(tmp_path, ROWS.replace("6,60", "6,61"))
    assert first == again
    assert sum(first[name] != changed[name] for name in first) == 1


def test_the_experiments_seed_leaves_the_split_alone(tmp_path: Path) -> None:
    data = csv_data(tmp_path, split=Split(test=2))
    one, two = (load(data, Site(tmp_path, seed=seed)).fingerprint for seed in (1, 2))
    assert one == two


def test_a_statistic_of_nothing_is_refused(tmp_path: Path) -> None:
    data = csv_data(tmp_path, "a,b,kind\n1,,x\n2,,x\n3,1,x\n", Split(test=1, shuffle=False))
    assert refusal(data, tmp_path) == (
        "error[nothing-to-fill]: column 1 of input `features` has no value in the training split"
        " to take the median of\n"
        "  --> data.missing"
    )


def test_a_class_of_the_test_split_alone_is_refused(tmp_path: Path) -> None:
    data = csv_data(tmp_path, "a,b,kind\n1,1,x\n2,1,x\n3,1,z\n", Split(test=1, shuffle=False))
    assert refusal(data, tmp_path) == (
        "error[unseen-class]: class `z` of `kind` is in test and not in train\n"
        "  --> data.split\n"
        "help: `stratify: true` spreads every class over the splits"
    )


def test_built_in_sets_come_ready_to_train_on() -> None:
    data = Data("sklearn", {"dataset": "digits"}, Split(val=0.15, test=0.15, stratify=True))
    datasets = load(data, Site(Path(), seed=0))
    assert datasets.info.sizes == {"train": 1257, "val": 270, "test": 270}
    assert datasets.info.num_classes == {"target": 10}
    assert all(24 <= n <= 30 for n in datasets.fingerprint.class_counts["test"]["target"].values())


def test_data_that_is_not_cut_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "kexp_test_shared.py").write_text(
        "import numpy as np\nX, Y = np.ones((4, 2)).astype('uint8'), np.zeros(4)\ndef load(): return X, Y\n"
    )
    datasets = load(Data("kexp_test_shared:load"), Site(tmp_path, seed=0))
    assert datasets.splits["train"].inputs["x"] is sys.modules["kexp_test_shared"].X


def test_whole_numbers_span_classes_and_values_do_not(tmp_path: Path) -> None:
    (tmp_path / "loaders.py").write_text(
        "def load(): return [1, 2], {'a': [0, 6], 'b': [-1, 2], 'c': [0.5, 1], 'd': [True, False]}\n"
    )
    datasets = load(Data("loaders.py:load"), Site(tmp_path, seed=0))
    assert datasets.info.num_classes == {"a": 7, "d": 2}
    assert datasets.fingerprint.class_counts["train"] == {
        "a": {"0": 1, "6": 1},
        "b": {"-1": 1, "2": 1},
        "d": {"0": 1, "1": 1},
    }


def test_an_unknown_source_is_answered_with_the_nearest() -> None:
    assert refusal(Data("sklern")) == (
        "error[unknown-source]: there is no data source `sklern`\n"
        "  --> data.source\n"
        "help: did you mean `sklearn`?"
    )


def test_options_are_compared_with_the_sources_signature() -> None:
    assert refusal(Data("sklearn", {"datset": "digits", "shape": 3})) == (
        "error[unknown-option]: the source `sklearn` has no option `datset`\n"
        "  --> data.datset\n"
        "help: did you mean `dataset`?\n\n"
        "error[unknown-option]: the source `sklearn` has no option `shape`\n"
        "  --> data.shape\n"
        "help: its options are `dataset`\n\n"
        "error[missing-option]: the source `sklearn` needs `dataset`\n"
        "  --> data"
    )


def test_a_function_takes_its_arguments_under_args() -> None:
    assert refusal(Data("loaders.py:load", {"size": 3})) == (
        "error[unknown-option]: the source `loaders.py:load` has no option `size`\n"
        "  --> data.size\n"
        "help: its options are `args`"
    )


def test_loading_csv_imports_neither_keras_nor_sklearn(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    program = (
        "import sys; from pathlib import Path; from kexp.data.load import load\n"
        "from kexp.protocols import Site; from kexp.spec.types import Data\n"
        "data = Data('csv', {'path': 't.csv', 'target': 'kind', 'ignore': ('b',)})\n"
        "load(data, Site(Path(sys.argv[1]), 0))\n"
        "print(sorted({'keras', 'sklearn', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_penguins_split_with_medians_of_training_alone(real_data: Path) -> None:
    numbers = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    options: dict[str, Value] = {
        "path": "penguins.csv",
        "target": "species",
        "features": numbers,
        "missing": dict.fromkeys(numbers, "median"),
    }
    datasets: Datasets = load(
        Data("csv", options, Split(val=0.2, test=0.2, stratify=True)), Site(real_data, seed=0)
    )
    assert datasets.info.sizes == {"train": 206, "val": 69, "test": 69}
    assert datasets.fingerprint.class_counts["test"] == {
        "species": {"Adelie": 30, "Chinstrap": 14, "Gentoo": 25}
    }


def test_an_option_that_is_none_of_its_choices_is_refused(tmp_path: Path) -> None:
    assert refusal(csv_data(tmp_path, dtype="float"), tmp_path) == (
        "error[wrong-choice]: `dtype` must be one of `float16`, `float32`, `float64`, found `float`\n"
        "  --> data.dtype\n"
        "help: did you mean `float64`?"
    )
