"""Every example of `configs/` trains to the same bits in segments and step by step."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import KERAS, example_data, machine

from kexp.document import load_document
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

CONFIGS = Path(__file__).parents[3] / "configs"
EXAMPLES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
ALWAYS = ("digits-augmented", "digits-gan", "wine-two-outputs")
"""What else is slow: two optimizers and a step of its own, random changes, several outputs."""


def shortened(phase):
    """Return two epochs of a phase over few samples, with a partial batch at the end of each."""
    train = phase.experiment.train
    batch_size = max(1, 3 * train.batch_size // 4)
    train = replace(train, epochs=2, steps_per_epoch=None, batch_size=batch_size)
    return replace(phase, experiment=replace(phase.experiment, train=train))


def outcome(name, mode, scratch):
    from fits import Epochs, outcome_of

    from kexp.train.backend import settle
    from kexp.train.engine.choice import Choice
    from kexp.train.execution import Execution
    from kexp.train.fitting import class_weight
    from kexp.train.ready import make_ready

    document = load_document(CONFIGS / f"{name}.yaml")
    experiment = parse_experiment(override(document, example_data(f"{name}.yaml", scratch)))
    settle(experiment.runtime, experiment.seed)
    ready = make_ready(experiment, CONFIGS, "no-data" if "fashion" in name else "smoke")
    assembly, todo = ready.assembly, [shortened(phase) for phase in ready.phases]
    execution = Execution(todo, assembly, ready.datasets, ready.callbacks)
    execution.choices = (Choice(mode, "", segment_steps=2),) * len(todo)
    rows = []
    for number, phase in enumerate(todo):
        assembly = assembly.enter(phase, ready.datasets.info) if number else assembly
        engine = execution.engine(number, phase, assembly, class_weight(phase, ready.datasets))
        with closing(engine):
            fitted = assembly.model.fit(
                engine.batches,
                epochs=2,
                shuffle=False,
                verbose=0,
                validation_data=engine.validation,
                callbacks=engine.callbacks([Epochs(engine.batches)], 2),
            )
        rows.append(fitted.history)
    return outcome_of(assembly.model, rows[-1])


def check(name, scratch):
    machine()
    differences = [*outcome(name, "resident", scratch).differences(outcome(name, "single", scratch))]
    assert differences == []


@pytest.mark.parametrize("name", ALWAYS)
def test_an_example(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ALWAYS])
def test_the_other_examples(name, tmp_path):
    check(name, tmp_path)
