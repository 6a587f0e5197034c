import json
from dataclasses import replace
from time import perf_counter
from types import SimpleNamespace

import pytest
from fakes import KERAS, digits, experiment

from kexp.record.seal import SealedFolder
from kexp.spec.types import Runtime
from kexp.train.engine.choice import Choice
from kexp.train.profile import Profile, Shares, spanned
from kexp.train.profile_summary import Told, advice, summary

pytestmark = KERAS

SECONDS_OF_ITS_OWN = """\
import time

import keras


class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.001)
"""


def profiled(seconds):
    """Return a profile whose clock shows these times, one after another."""
    return Profile(0.0, iter(seconds).__next__)


def names(profile):
    return {(kind, name) for kind, name in profile.own}


# ---------------------------------------------------------------- spans


def test_a_span_counts_without_the_spans_in_it():
    profile = profiled([1.0, 2.0, 5.0, 7.0])

    with profile.span("fit", "Keras"), profile.span("steps", "compute"):
        pass

    assert dict(profile.own) == {("compute", "steps"): 3.0, ("Keras", "fit"): 3.0}


def test_what_an_exception_leaves_open_is_forgotten():
    profile = profiled([1.0, 2.0, 5.0, 6.0, 8.0])

    with pytest.raises(KeyError), profile.span("fit", "Keras"):
        profile.span("validation", "validation").__enter__()
        raise KeyError
    with profile.span("ending", "ending"):
        pass

    assert dict(profile.own) == {("Keras", "fit"): 4.0, ("ending", "ending"): 2.0}


def test_without_a_profile_nothing_is_noted():
    with spanned(None, "fit", "Keras") as noted:
        assert noted is None


# ---------------------------------------------------------------- what is said


def told(train="{optimizer: sgd, loss: mse}", mode="resident", reason="because", cache=None):
    spec = experiment("{layers: [{Dense: 1}]}", train)
    if cache is not None:
        spec = SimpleNamespace(train=spec.train, runtime=spec.runtime, data=SimpleNamespace(cache=cache))
    return Told(spec, Choice(mode, reason))


@pytest.mark.parametrize(
    ("own", "facts", "expected"),
    [
        (
            {("start", "import of Keras"): 3.0, ("compute", "steps"): 2.0},
            told(),
            ["nothing: most of the time is start and end, which more epochs do not lengthen"],
        ),
        (
            {("compute", "steps"): 5.0},
            told(),
            ["nothing that shows here: the time is that of the steps themselves"],
        ),
        (
            {("compute", "steps"): 2.0},
            told(mode="single", reason="`Slow` acts on single batches"),
            [
                "steps run one by one, since `Slow` acts on single batches; "
                "without that they are compiled together"
            ],
        ),
        (
            {("input", "rows"): 2.0},
            told(mode="streamed", cache="none"),
            [
                "the steps wait for data: `data: {cache: disk}`, or `memory` if they fit there, "
                "reads them once"
            ],
        ),
        (
            {("callbacks", "Slow.on_epoch_end"): 1.0},
            told(),
            ["`Slow.on_epoch_end` takes 20% of the training: do less there, or more seldom"],
        ),
        (
            {("checkpoints", "progress, rows and state"): 2.0},
            told(),
            ["checkpoints come often: a longer `train.checkpoint.every`, such as `10 minutes`"],
        ),
        (
            {("validation", "validation steps"): 3.0},
            told("{optimizer: sgd, loss: mse, validation_freq: 2}"),
            ["validation is a large part: `validation_freq: 10` has it less often"],
        ),
    ],
)
def test_advice_follows_from_the_shares(own, facts, expected):
    assert advice(Shares(5.0, 100, own), facts) == expected


LARGER = "the steps are short: a `batch_size` above 32 has fewer and fuller ones"
ONE_THREAD = "`runtime.threads: 1` is often faster for short steps on a CPU; it may change the last bits"


@pytest.mark.parametrize(
    ("runtime", "device", "expected"),
    [
        (Runtime(), "cpu", [LARGER, ONE_THREAD]),
        (Runtime("jax"), "cpu", [LARGER, ONE_THREAD]),
        (Runtime(threads=2), "cpu", [LARGER, ONE_THREAD]),
        (Runtime(threads=1), "cpu", [LARGER]),
        (Runtime("torch"), "cpu", [LARGER]),
        (Runtime("jax"), "gpu:0 (NVIDIA H100 80GB HBM3)", [LARGER]),
    ],
)
def test_short_steps_want_a_larger_batch_and_one_thread(runtime, device, expected):
    shares, facts = Shares(5.0, 10_000, {("compute", "steps"): 4.0}), told()
    facts = replace(facts, experiment=replace(facts.experiment, runtime=runtime), device=device)

    assert advice(shares, facts) == expected


@pytest.mark.parametrize(
    ("precision", "device", "is_slow"),
    [
        ("mixed_float16", "cpu", True),
        ("float16", "cpu", True),
        ("mixed_bfloat16", "cpu", False),
        ("float32", "cpu", False),
        ("mixed_float16", "gpu:0 (NVIDIA H100 80GB HBM3)", False),
    ],
)
def test_float16_is_slow_on_a_cpu(precision, device, is_slow):
    shares, facts = Shares(5.0, 100, {("compute", "steps"): 5.0}), told()
    runtime = Runtime(precision=precision)
    facts = replace(facts, experiment=replace(facts.experiment, runtime=runtime), device=device)

    advised = f"a CPU is slow at `{precision}`: `precision: float32` is faster there, or `mixed_bfloat16`"
    assert (advised in advice(shares, facts)) is is_slow


def test_the_summary_is_a_table_with_advice():
    profile = profiled([0.0, 2.0, 2.0, 5.0, 5.0])
    profile.choice = Choice("resident", "because")
    with profile.span("import of Keras", "start"):
        pass
    with profile.span("steps", "compute"):
        pass
    profile.num_steps = 1000

    assert summary(profile, experiment("{layers: [{Dense: 1}]}"), "cpu") == [
        "where 5.0 s went",
        "  start           2.0 s   40%  import of Keras 2.0 s",
        "  compile          0 us    0%  tracing and compiling",
        "  compute         3.0 s   60%  1,000 steps, 3 ms each",
        "  input            0 us    0%  waiting for data",
        "  validation       0 us    0%",
        "  callbacks        0 us    0%",
        "  checkpoints      0 us    0%",
        "  Keras            0 us    0%  `fit` around all this",
        "  profiler         0 us    0%  the backend's trace of one segment",
        "  ending           0 us    0%  test split, model.keras, checksums",
        "  elsewhere        0 us    0%",
        "",
        "what to change",
        "  nothing that shows here: the time is that of the steps themselves",
    ]


# ---------------------------------------------------------------- a training


def test_a_training_leaves_a_trace_and_its_seal_holds(train):
    profile = Profile(perf_counter())

    run = train(digits(epochs=4), profile=profile).run

    trace = json.loads((run.profile / "trace.json").read_text())
    noted = {(e["cat"], e["name"]) for e in trace["traceEvents"] if e["ph"] == "X"}
    assert noted == names(profile) | {("checkpoints", "checkpoint written")}
    assert names(profile) == {
        ("start", "data and model"),
        ("start", "run directory"),
        ("compile", "first steps"),
        ("compile", "first validation steps"),
        ("compute", "steps"),
        ("validation", "validation"),
        ("validation", "validation steps"),
        ("input", "order of the samples"),
        ("input", "rows"),
        ("checkpoints", "progress, rows and state"),
        ("checkpoints", "waiting for the last checkpoint"),
        ("Keras", "fit"),
        ("profiler", "begin"),
        ("profiler", "end"),
        ("ending", "ending"),
    }
    assert profile.num_steps == 40
    assert sum(profile.own.values()) <= profile.ended - profile.clock
    assert profile.device.has_traced
    assert isinstance(run, SealedFolder)
    run.verify("status.json")


def test_single_steps_and_the_users_callbacks_are_told_apart(train, tmp_path):
    (tmp_path / "own.py").write_text(SECONDS_OF_ITS_OWN)
    profile = Profile(perf_counter())

    train(digits("callbacks: ['own.py:Slow']"), profile=profile)

    assert profile.choice.mode == "single"
    assert profile.num_steps == 10
    assert {("compile", "first steps"), ("compute", "steps")} <= names(profile)
    assert profile.own["callbacks", "Slow.on_train_batch_end"] >= 0.01


def test_a_profile_changes_no_bit(train):
    plain, profiled = train(digits(epochs=2)), train(digits(epochs=2), profile=Profile(perf_counter()))

    assert profiled.weights_sha256 == plain.weights_sha256
