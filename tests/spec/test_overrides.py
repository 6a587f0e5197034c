import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scalar_texts, yaml_like_texts

from kexp.document import parse_document, plain
from kexp.errors import SpecError
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment

SPEC = """\
kexp: 1
data: {source: sklearn, dataset: digits}
model:
  layers:
    - Rescaling -> x: 0.0625
    - x -> Dense -> hidden: 64
    - ReLU
    - Dense: 10
train:
  optimizer: {Adam: 1e-3}
  loss: mse
  metrics: [accuracy, AUC]
"""


def document():
    return parse_document(SPEC.encode(), "spec.yaml")


def changed(*assignments):
    return plain(override(document(), assignments).root)


def refusal(assignment):
    with pytest.raises(SpecError) as error:
        parse_experiment(override(document(), [assignment]))
    return str(error.value)


def test_a_value_is_replaced():
    assert changed("train.loss=mae")["train"]["loss"] == "mae"


def test_a_value_is_added():
    assert changed("train.epochs=3")["train"]["epochs"] == 3


def test_sections_on_the_way_are_added():
    assert changed("runtime.device=cpu")["runtime"] == {"device": "cpu"}


def test_the_last_assignment_wins():
    assert changed("seed=1", "seed=2")["seed"] == 2


def test_the_value_is_yaml():
    assert changed("train.metrics=[accuracy, {F1Score: {average: macro}}]")["train"]["metrics"] == [
        "accuracy",
        {"F1Score": {"average": "macro"}},
    ]
    assert changed("name=")["name"] is None
    assert changed("name=a=b")["name"] == "a=b"


def test_an_item_is_named_by_its_index_and_a_step_by_its_what():
    assert changed("train.metrics[1]=mse")["train"]["metrics"] == ["accuracy", "mse"]
    assert changed("model.layers[1].Dense=32")["model"]["layers"][1] == {"x -> Dense -> hidden": 32}


def test_a_first_argument_gets_its_name_when_another_is_set_beside_it():
    assert changed("train.optimizer.Adam.beta_1=0.8")["train"]["optimizer"] == {
        "Adam": {"learning_rate": 0.001, "beta_1": 0.8}
    }
    assert changed("model.layers[1].Dense.activation=relu")["model"]["layers"][1] == {
        "x -> Dense -> hidden": {"units": 64, "activation": "relu"}
    }


def test_a_bare_name_takes_arguments():
    assert changed("model.layers[2].ReLU.max_value=6")["model"]["layers"][2] == {"ReLU": {"max_value": 6}}


def test_another_object_replaces_the_one_that_stands_there():
    assert changed("train.optimizer.SGD.momentum=0.9")["train"]["optimizer"] == {"SGD": {"momentum": 0.9}}


def test_a_step_is_never_replaced_by_a_slip_of_the_index():
    assert refusal("model.layers[3].ReLU.max_value=6") == (
        "error[override-path]: `model.layers[3]` has no `ReLU` to set\n"
        " --> command line:1:1  (model.layers[3])\n"
        "  |\n"
        "1 | model.layers[3].ReLU.max_value=6\n"
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "help: it holds `Dense`"
    )


def test_the_document_is_left_as_it_was():
    before = document()
    override(before, ["train.loss=mae"])
    assert before == document()


@pytest.mark.parametrize(
    ("assignment", "id", "underlined", "help"),
    [
        ("train.epochs", "override-syntax", "train.epochs", "such as `train.epochs=3`"),
        ("=3", "override-syntax", "=3", "such as `train.epochs=3`"),
        ("train.optimizer.momentum=1", "override-path", "train.optimizer.momentum", "it holds `Adam`"),
        ("train.loss.from_logits=true", "override-path", "train.loss.from_logits", None),
        ("model.layers[9].Dense=3", "override-path", "model.layers[9].Dense", None),
        ("train.loss[0]=3", "override-path", "train.loss[0]", None),
        ("train.epochs=[1", "yaml-syntax", "[", "close it, and quote values that contain commas or brackets"),
        ("train.shuffle=yes", "ambiguous-scalar", "yes", "write `true`, or quote it"),
        ("name=caf\udce9", "yaml-character", "\udce9", None),
        ("train.epochs=three", "wrong-type", "three", None),
        ("train.epoch=3", "unknown-key", "epoch", "did you mean `epochs`?"),
        ("train.optimizer.Adam.lr=3", "unknown-argument", "lr", "did you mean `learning_rate`?"),
        ("model.layers[1].Dense.uints=3", "unknown-argument", "uints", "did you mean `units`?"),
        ("model=", "wrong-type", "model", None),
        ("expect.loss=0.9", "bad-promise", "0.9", 'such as `">= 0.93"`'),
    ],
)
def test_a_fault_stands_on_the_command_line(assignment, id, underlined, help):
    with pytest.raises(SpecError) as error:
        parse_experiment(override(document(), [assignment]))
    [fault] = error.value.diagnostics
    assert (fault.span.source.name, fault.span.source.text) == ("command line", assignment)
    assert (fault.id, fault.span.text, fault.help) == (id, underlined, help)


@given(
    st.from_regex(r"[a-z]{1,4}(\.[a-z]{1,4}|\[[0-9]\]){0,3}", fullmatch=True),
    st.one_of(scalar_texts, yaml_like_texts),
)
@settings(deadline=None)
def test_any_assignment_gives_a_document_or_a_refusal_on_the_command_line(path, value):
    faults = override(document(), [f"{path}={value}"]).faults
    assert {fault.span.source.name for fault in faults} <= {"command line"}


def test_faults_of_assignments_hide_neither_one_another_nor_those_of_the_spec():
    with pytest.raises(SpecError) as error:
        parse_experiment(override(document(), ["train.epohcs", "data.split=[", "train.epochs=three"]))
    assert [(fault.id, fault.span.source.text) for fault in error.value.diagnostics] == [
        ("override-syntax", "train.epohcs"),
        ("yaml-syntax", "data.split=["),
        ("wrong-type", "train.epochs=three"),
    ]
