from strategies import experiment_of

from kexp.spec.references import at_home, custom_names, weight_files, with_custom_names

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


def test_a_tilde_is_the_home_in_paths_and_nowhere_else(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    text = """\
data: {source: npz, train: ~/a.npz, test: ~nobody-at-all/b.npz, x: ~/x, y: y}
model: {layers: [{Dense: 3}]}
train: {optimizer: adam, loss: mse}
"""
    moved = at_home(experiment_of(text))
    assert moved.data.options == {
        "train": "/home/ada/a.npz",
        "test": "~nobody-at-all/b.npz",
        "x": "~/x",
        "y": "y",
    }


def test_so_it_is_in_the_files_that_layers_start_from(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    layers = "[{IntegerLookup: {vocabulary: ~/ids.txt}}, {Dense: 3, weights: ~/old.keras}]"
    moved = at_home(
        experiment_of(
            f"data: {{source: npz, path: a.npz, x: x, y: y}}\nmodel: {{layers: {layers}}}\n"
            "train: {optimizer: adam, loss: mse}\n"
        )
    )
    assert weight_files(moved) == ["/home/ada/ids.txt", "/home/ada/old.keras"]
