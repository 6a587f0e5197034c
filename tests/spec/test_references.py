from strategies import experiment_of

from kexp.spec.references import custom_names, with_custom_names

SPEC = """\
data: {source: "code/load.py:load", args: {size: 3}}
model:
  layers:
    - code/nets.py:Swish
    - model: {layers: ["code/nets.py:Pool"]}
    - Dense: {units: 3, activation: code/nets.py:swish}
train:
  optimizer: {pkg.optim:Fast: 0.1}
  loss: {keras.losses:Huber: {}}
  callbacks: ["code/nets.py:Swish"]
"""


def test_every_custom_name_is_found_once():
    assert sorted(custom_names(experiment_of(SPEC))) == [
        "code/load.py:load",
        "code/nets.py:Pool",
        "code/nets.py:Swish",
        "code/nets.py:swish",
        "pkg.optim:Fast",
    ]


def test_custom_names_are_replaced_everywhere_and_nothing_else_is():
    moved = with_custom_names(experiment_of(SPEC), lambda name: name.replace("code/", "/run/code/"))
    assert moved == experiment_of(SPEC.replace("code/", "/run/code/"))


def test_places_are_kept():
    experiment = experiment_of(SPEC)
    moved = with_custom_names(experiment, str.upper)
    assert moved.model.steps[0].what.span == experiment.model.steps[0].what.span
    assert moved.document is experiment.document
