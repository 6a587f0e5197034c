from kexp.document import parse_document
from kexp.spec.rules.written import Written

TEXT = """\
data: {source: csv, split: {val: 0.1}, path: null}
model:
  layers:
    - a, b -> Dense -> seen: {units: $width, activation: $act}
train:
  optimizer: {Adam: {CosineDecay: {decay_steps: 10}}}
  callbacks: [TerminateOnNaN, {EarlyStopping: val_loss}, {ReduceLROnPlateau: {monitor: $what}}]
  "own.py:extra": 3
"""
DOCUMENT = parse_document(TEXT.encode(), "spec.yaml")
VALUES = {
    name: parse_document(value.encode(), "vars").root for name, value in (("width", "64"), ("what", "loss"))
}
ROOT = Written(DOCUMENT.root, variables=VALUES)


def test_values_are_found_by_their_paths_with_vars_put_in():
    step = "model.layers[0].Dense"
    assert ROOT.at("data.split.val").number == 0.1
    assert (ROOT.at(f"{step}.units").number, ROOT.at(f"{step}.units").path) == (64, f"{step}.units")
    assert ROOT.at(f"{step}.activation").node is None
    assert ROOT.at("train.own.py:extra").number == 3
    assert [ROOT.at(path).is_given for path in ("data.path", "data.nothing.more", "train.callbacks[7]")] == [
        False,
        False,
        False,
    ]


def test_a_value_stands_at_its_place_and_one_left_out_at_its_key():
    assert (ROOT.at("data.source").span.text, ROOT.at("data.path").span.text) == ("csv", "path")
    assert ROOT.at("data.nothing").span is None


def test_objects_are_seen_with_their_first_argument():
    plain, first, by_name = (item.object() for item in ROOT.at("train.callbacks").items())
    assert [plain.name, first.name, by_name.name] == ["TerminateOnNaN", "EarlyStopping", "ReduceLROnPlateau"]
    assert plain.path == "train.callbacks[0].TerminateOnNaN"
    assert first.argument("monitor", "callbacks").text == "val_loss"
    assert not first.argument("patience", "callbacks").is_given
    assert by_name.argument("monitor", "callbacks").text == "loss"

    schedule = ROOT.at("train.optimizer").object().argument("learning_rate", "optimizers").object()
    assert (schedule.name, schedule.at("decay_steps").number) == ("CosineDecay", 10)


def test_a_place_leads_back_to_its_path():
    paths = ("data.split.val", "train.callbacks[1]", "model.layers[0].Dense.units", "data")
    assert [DOCUMENT.path_of(DOCUMENT.locate(path)) for path in paths] == list(paths)
    key = DOCUMENT.locate_key("train.optimizer")
    assert DOCUMENT.path_of(key) == "train.optimizer"
    assert DOCUMENT.path_of(key.part(1, 2)) == ""
