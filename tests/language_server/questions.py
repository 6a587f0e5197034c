"""What is asked of the language server: specs with the cursor at `¦`."""

from dataclasses import dataclass
from typing import Literal

from kexp.cli.schema import MODELINE, SCHEMA_FILE

_HEAD = f"""\
{MODELINE.format(schema=SCHEMA_FILE)}kexp: 1
data: {{source: sklearn, dataset: digits}}
"""
_TRAIN = "train: {optimizer: {Adam: 1e-3}, loss: sparse_categorical_crossentropy}\n"
_MODEL = "model:\n  layers:\n"


@dataclass(frozen=True, slots=True)
class Question:
    kind: Literal["completion", "hover", "diagnostics"]
    about: str
    text: str


def _step(kind: Literal["completion", "hover"], about: str, lines: str) -> Question:
    return Question(kind, about, f"{_HEAD}{_TRAIN}{_MODEL}{lines}\n")


QUESTIONS = [
    Question("completion", "sections", f"{_HEAD}¦\n"),
    _step("completion", "layers", "    - ¦"),
    _step("completion", "layers by their first letters", "    - GlobalM¦"),
    _step("completion", "arguments, on lines", "    - Dense:\n        ¦"),
    _step("completion", "arguments, in braces", "    - Dense: {u¦}"),
    _step("completion", "arguments, behind arrows", "    - features -> Dense -> hidden: {units: 64, a¦}"),
    _step("completion", "words of an argument", "    - Conv2D:\n        filters: 8\n        padding: ¦"),
    _step("completion", "objects in an argument", "    - Dense:\n        kernel_regularizer:\n          L¦"),
    _step(
        "completion",
        "arguments of an inner layer",
        "    - Bidirectional:\n        LSTM:\n          r¦",
    ),
    _step("completion", "keys beside a step", "    - Dense: 64\n      re¦"),
    Question("completion", "optimizers", f"{_HEAD}train:\n  optimizer:\n    A¦\n"),
    Question("completion", "a loss by its string", f"{_HEAD}train:\n  loss: ¦\n"),
    _step("hover", "a layer", "    - Den¦se: 64"),
    _step(
        "hover",
        "a layer between arrows",
        "    - x -> Embe¦dding -> words: {input_dim: 100, output_dim: 8}",
    ),
    _step("hover", "a layer without arguments", "    - a, b -> Ad¦d"),
    _step("hover", "an argument", "    - Dense: {un¦its: 64, activation: relu}"),
    _step("hover", "an argument of words", "    - Conv2D: {filters: 8, kernel_size: 3, pad¦ding: same}"),
    _step("hover", "a key beside a step", "    - Dense: 64\n      rep¦eat: 2"),
    Question("hover", "a key of a section", f"{_HEAD}train: {{optimizer: adam, loss: mse, epo¦chs: 3}}\n"),
    Question(
        "hover", "an optimizer's argument", f"{_HEAD}train: {{optimizer: {{SGD: {{momen¦tum: 0.9}}}}}}\n"
    ),
    Question(
        "diagnostics",
        "a spec with faults",
        f"""{_HEAD}seeds: 3
model:
  layers:
    - Dnse: 64
    - Dense: {{unit: 64}}
    - Dense: {{units: 0, activation: relux}}
    - Conv2D: {{filters: 8, kernel_size: 3, padding: sme}}
    - Bidirectional: {{LSTM: {{unit: 32}}}}
    - Dense: 64
      name: hidden
    - features[0] -> Dense: 10
    - Dense
    - Flatten
train: {{optimizer: {{Adm: 1e-3}}, loss: msee, epochs: many}}
expect: {{test_accuracy: high}}
""",
    ),
]
