from strategies import experiment_of

from kexp.spec.phases import Phase, num_epochs, phases
from kexp.spec.types import Component

SPEC = """\
data: {source: sklearn, dataset: digits}
model: {layers: [{Dense -> body: 8}, {Dense -> head: 10}]}
train:
  optimizer: adam
  loss: mse
  metrics: [mae]
  epochs: 7
  batch_size: 16
"""
STAGES = """\
  stages:
    - {name: first, epochs: 2, optimizer: {SGD: 0.1}, freeze: [body]}
    - {name: second, loss: mae, metrics: [], batch_size: 8, unfreeze: [body]}
"""


def test_a_training_without_stages_is_one_phase():
    experiment = experiment_of(SPEC)
    assert phases(experiment) == (Phase(experiment),)
    assert num_epochs(experiment) == 7


def test_a_stage_inherits_what_it_leaves_out():
    first, second = phases(experiment_of(SPEC + STAGES))
    a, b = first.experiment.train, second.experiment.train

    assert (a.epochs, a.optimizer, a.loss, a.metrics, a.batch_size) == (
        2,
        Component("SGD", "optimizers", {"learning_rate": 0.1}),
        "mse",
        ("mae",),
        16,
    )
    assert (b.epochs, b.optimizer, b.loss, b.metrics, b.batch_size) == (7, "adam", "mae", (), 8)
    assert [a.stages, b.stages] == [(), ()]


def test_a_stage_knows_its_name_its_layers_and_its_place():
    first, second = phases(experiment_of(SPEC + STAGES))
    assert (first.name, first.freeze, first.unfreeze, first.path) == (
        "first",
        ("body",),
        (),
        "train.stages[0]",
    )
    assert (second.name, second.freeze, second.unfreeze, second.path) == (
        "second",
        (),
        ("body",),
        "train.stages[1]",
    )


def test_a_phase_knows_where_its_keys_stand_and_which_layers_it_names():
    alone = phases(experiment_of(SPEC))[0]
    first, second = phases(experiment_of(SPEC + STAGES))

    assert (alone.place("loss"), [*alone.named_layers()]) == ("train.loss", [])
    assert (first.place("loss.a"), first.place("optimizer")) == ("train.loss.a", "train.stages[0].optimizer")
    assert (second.place("loss.a"), second.place("optimizer")) == (
        "train.stages[1].loss.a",
        "train.optimizer",
    )
    assert [*first.named_layers(), *second.named_layers()] == [
        ("train.stages[0].freeze[0]", "body", False),
        ("train.stages[1].unfreeze[0]", "body", True),
    ]


def test_the_epochs_of_all_stages_count():
    assert num_epochs(experiment_of(SPEC + STAGES)) == 9
