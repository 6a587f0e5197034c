from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import KERAS, FakeDisplay, digits, machine
from jsonschema import Draft202012Validator
from resuming import killed, resume, train
from strategies import experiment_of

from kexp.errors import DataError
from kexp.record.experiment import read_experiment
from kexp.record.files import sha256_of
from kexp.record.level import Claim, recorded_claim
from kexp.record.manifest_schema import manifest_schema
from kexp.record.provenance import read_manifest
from kexp.record.reproduction import compared
from kexp.record.rundir import RunDir

pytestmark = KERAS

CUSTOM = digits(epochs=2).replace("Rescaling: 0.0625", "lab.py:Scaled: {by: 0.0625}")
LAB = """\
import keras

class Scaled(keras.layers.Layer):
    def __init__(self, by, **options):
        super().__init__(**options)
        self.by = by

    def call(self, x):
        return x * self.by
"""
TABLE = """\
kexp: 1
name: table
seed: 3
data: {source: csv, path: table.csv, target: y, split: {val: 0.25}}
model: {layers: [{Dense: 1}]}
train: {optimizer: sgd, loss: mse, epochs: 1}
"""


def again(first: RunDir, runs: Path) -> RunDir:
    """Train a run again, as a process of its own would."""
    experiment = read_experiment(first)
    ready = machine()
    from kexp.train.backend import settle
    from kexp.train.order import Order
    from kexp.train.reproduce import reproduce

    settle(experiment.runtime, experiment.seed or 0)
    order = Order(
        experiment,
        first.resolved.read_bytes(),
        first.path,
        runs,
        ready,
        ("kexp", "reproduce"),
        {},
        datetime.now(UTC),
        perf_counter(),
        reproduces=first.id,
    )
    return reproduce(first, order, FakeDisplay()).run


def test_a_run_is_trained_again_from_its_own_code_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(LAB)
    first = train(CUSTOM, tmp_path / "first")
    (tmp_path / "lab.py").write_text("raise RuntimeError('this is not the code of the run')")
    second = again(first, tmp_path / "runs")
    found = compared(first, second)

    assert (found.parting, found.reached, found.is_kept) == (None, "R1", True)
    assert read_manifest(second)["reproduces"] == first.id
    assert (second.code / "lab.py").read_text() == LAB
    third = again(second, tmp_path / "runs")
    assert compared(first, third).parting is None


def test_a_run_on_the_cpu_claims_all_levels(tmp_path: Path) -> None:
    assert recorded_claim(read_manifest(train(digits(), tmp_path / "run"))) == Claim("R2")


@pytest.mark.parametrize(
    ("setting", "claims", "repeats"),
    [("train.epochs=3", True, True), ("train.optimizer.Adam=1e-3", False, False)],
)
def test_a_run_that_went_on_otherwise_claims_only_what_its_spec_repeats(
    tmp_path: Path, setting: str, claims: bool, repeats: bool
) -> None:
    first = train(digits(epochs=2), tmp_path / "first")
    manifest = read_manifest(resume(killed(digits(epochs=2), tmp_path / "run", 12), None, [setting], True))
    (changed,) = manifest["changed"]

    assert (changed["repeats"], changed["drift"], len(changed["settings"])) == (repeats, [], 1)
    assert (manifest["level"]["claims"] is not None) == claims
    assert manifest["spec"]["resolved_sha256"] == sha256_of(tmp_path / "run" / "resolved.yaml")
    assert manifest["spec"]["identity"] != read_manifest(first)["spec"]["identity"]
    assert [*Draft202012Validator(manifest_schema()).iter_errors(manifest)] == []


def test_other_data_is_refused_with_what_changed(tmp_path: Path) -> None:
    rows: list[Any] = [f"{n},{n * n}" for n in range(16)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,y", *rows]) + "\n")
    first = train(TABLE, tmp_path / "first")
    table.write_text("\n".join(["x,y", *rows, "16,256"]) + "\n")

    with pytest.raises(DataError) as refused:
        again(first, tmp_path / "runs")

    (fault,) = refused.value.diagnostics
    assert (fault.id, fault.message) == (
        "data-not-the-same",
        "the data is not what `first` was trained on",
    )
    assert fault.detail is not None
    assert [line.partition(": sha256 ")[0] for line in fault.detail.splitlines()] == [
        "train, samples",
        "train, rows chosen",
        str(table),
    ]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (["a"], ["b.txt: sha256 (none) → 3e23e8160039"]),
        (["a", "b", "b"], []),
        (["a", "b", "c"], ["2.txt: sha256 2e7d2c03a950 → (none)"]),
    ],
)
def test_files_that_layers_begin_from_are_compared_to_the_last(
    tmp_path: Path, then: list[str], told: list[str]
) -> None:
    machine()
    from kexp.train.reproduce import _changed_weights

    layers = ", ".join(f"{{IntegerLookup: {{vocabulary: {name}.txt}}}}" for name in "ab")
    spec = f"data: {{source: npz}}\nmodel: {{layers: [{layers}]}}\ntrain: {{optimizer: sgd, loss: mse}}\n"
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    recorded = {f"{n}.txt": sha256(text.encode()).hexdigest() for n, text in enumerate(then)}
    order: Any = SimpleNamespace(experiment=experiment_of(spec), folder=tmp_path)

    assert [*_changed_weights(recorded, order)] == told
