"""Hypothesis strategies: YAML scalars, hostile texts, valid specs."""

import json
from typing import Any

from hypothesis import strategies as st

from kexp.document import parse_document
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment

names = st.from_regex(r"[a-z][a-z0-9]{0,5}_", fullmatch=True)
"""Names of tensors, outputs and values; none is a word of the language."""

plain_words = st.from_regex(r"[A-Za-z][A-Za-z0-9_./-]{0,12}", fullmatch=True)
numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1e-7, 1e300]),
)
scalar_texts = st.one_of(
    plain_words,
    st.integers().map(str),
    st.floats(allow_nan=False).map(repr),
    st.sampled_from(
        ["yes", "no", "True", "010", "1_000", "1:30", "~", "null", "0x1F", "0o17", ".inf", ".nan", "-0", "1."]
    ),
)
"""Unquoted scalars, on one line, in every form that a number or a boolean may have."""

yaml_pieces = (
    [
        "a:",
        "- ",
        "  ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ", ",
        "&a ",
        "*a",
        "!t ",
        "'",
        '"',
        "#",
        "|\n",
        ">",
        "<<:",
    ],
    [
        "---\n",
        "?",
        "\t",
        "->",
        "$x",
        "$(",
        "%YAML 1.1\n",
        "\\",
        "\x07",
        "\ufeff",
        "\x85",
        "\u2028",
        "ß",
        "🙂",
    ],
)
yaml_like_texts = st.lists(st.one_of(*map(st.sampled_from, yaml_pieces), scalar_texts), max_size=30).map(
    "".join
)

# ---------------------------------------------------------------- values and objects

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
regularizers = st.one_of(
    st.just("l2"),
    st.fixed_dictionaries({"L2": st.floats(0, 1)}),
    st.fixed_dictionaries(
        {"L1L2": st.fixed_dictionaries({}, optional={"l1": st.floats(0, 1), "l2": st.just(1e-4)})}
    ),
)
sizes = st.one_of(
    st.integers(1, 512), st.sampled_from(["$num_classes", "$(num_features * 2)", "$(min(8, num_classes))"])
)
layers: st.SearchStrategy[dict[str, Any] | str] = st.one_of(
    st.sampled_from(["ReLU", "Flatten", "BatchNormalization", "layers.py:Swish"]),
    st.fixed_dictionaries({"Dense": sizes}),
    st.fixed_dictionaries(
        {
            "Dense": st.fixed_dictionaries(
                {"units": sizes},
                optional={
                    "activation": st.sampled_from(["relu", "log_softmax", "layers.py:swish"]),
                    "name": st.just("no"),
                    "use_bias": st.booleans(),
                    "kernel_regularizer": regularizers,
                    "kernel_initializer": st.just({"VarianceScaling": {"scale": 2.0, "mode": "fan_out"}}),
                },
            )
        }
    ),
    st.fixed_dictionaries({"Dropout": st.floats(0, 0.9)}),
    st.fixed_dictionaries(
        {"Lambda": st.fixed_dictionaries({"literal": st.dictionaries(texts, numbers, max_size=2)})}
    ),
    st.fixed_dictionaries({"layers.py:Scale": st.one_of(numbers, st.just({}), st.just({"by": [1, 2]}))}),
    st.just({"RNN": [{"LSTMCell": 4}, {"GRUCell": {"units": 4}}]}),
    st.just({"Bidirectional": {"layer": {"GRU": 8}, "merge_mode": "sum"}}),
    st.just({"model": {"layers": [{"Dense": 3}, "ReLU"]}}),
)


@st.composite
def steps(draw: st.DrawFn) -> list[Any]:
    """Steps in which every output is used: loose ends meet in a last `Concatenate`."""
    found: list[Any] = []
    loose: list[str] = []
    used = draw(st.lists(names, unique=True, min_size=5, max_size=5))
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(layers)
        what, argument = next(iter(layer.items())) if isinstance(layer, dict) else (layer, None)
        key = what
        if loose and draw(st.booleans()):
            key = f"{draw(st.sampled_from(loose))} -> {key}"
        if found or draw(st.booleans()):
            loose.append(used.pop())
            key = f"{key} -> {loose[-1]}"
        step: dict[str, Any] = {key: argument}
        if draw(st.booleans()):
            step["trainable"] = draw(st.booleans())
        if draw(st.booleans()):
            step["call"] = {"training": draw(st.booleans())}
        found.append(step)
    return [*found, f"{', '.join(loose)} -> Concatenate"] if len(loose) > 1 else found


split = st.fixed_dictionaries(
    {},
    optional={
        "val": st.sampled_from([0.1, 50]),
        "test": st.just(0.2),
        "stratify": st.booleans(),
        "seed": st.integers(0, 9),
    },
)
data = st.one_of(
    st.fixed_dictionaries(
        {"source": st.just("sklearn"), "dataset": st.just("digits")}, optional={"split": split}
    ),
    st.fixed_dictionaries(
        {"source": st.just("csv"), "path": plain_words, "target": texts},
        optional={"ignore": st.lists(texts), "split": split},
    ),
    st.fixed_dictionaries(
        {"source": st.just("load.py:load")}, optional={"args": st.dictionaries(names, numbers)}
    ),
)
runtime = st.fixed_dictionaries(
    {},
    optional={
        "device": st.sampled_from(["auto", "cpu", "gpu:1"]),
        "precision": st.sampled_from(["float32", "mixed_float16"]),
        "threads": st.integers(1, 64),
        "deterministic": st.booleans(),
        "jit_compile": st.booleans(),
    },
)
train = st.fixed_dictionaries(
    {
        "optimizer": st.sampled_from(
            ["adam", {"Adam": 1e-3}, {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}, "Lion"]
        ),
        "loss": st.sampled_from(
            ["mse", {"SparseCategoricalCrossentropy": {"from_logits": True}}, "MeanSquaredError"]
        ),
    },
    optional={
        "metrics": st.lists(
            st.sampled_from(["accuracy", "AUC", {"F1Score": {"average": "macro"}}]), max_size=3
        ),
        "epochs": st.integers(1, 100),
        "batch_size": st.integers(1, 512),
        "class_weight": st.dictionaries(st.integers(0, 9).map(str), st.floats(0, 10)),
        "callbacks": st.lists(
            st.sampled_from(["TerminateOnNaN", {"EarlyStopping": {"monitor": "loss"}}]), max_size=2
        ),
        "checkpoint": st.just({"best": {"monitor": "learning_rate", "mode": "max"}}),
        "steps_per_epoch": st.integers(1, 9),
    },
)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A valid spec as maps and lists."""
    model = {"layers": draw(steps())}
    required = {"data": data, "model": st.just(model), "train": train}
    optional = {
        "kexp": st.just(1),
        "name": texts,
        "description": texts,
        "tags": st.lists(texts, max_size=3),
        "seed": st.integers(0, 2**32 - 1),
        "runtime": runtime,
        "trackers": st.just(["tensorboard"]),
        "expect": st.dictionaries(
            st.sampled_from(["loss", "learning_rate"]), st.sampled_from([">= 0.9", "<1e-3", "> -2", "<= 3."])
        ),
        "vars": st.dictionaries(names, numbers, max_size=2),
    }
    tree: dict[str, Any] = draw(st.fixed_dictionaries(required, optional=optional))
    return _without_dollars(tree)


def _without_dollars(value: Any) -> Any:
    """Double the `$` of texts that are no formulas."""
    if isinstance(value, dict):
        return {key: _without_dollars(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_dollars(item) for item in value]
    is_formula = isinstance(value, str) and value.startswith(("$num_", "$(num_", "$(min"))
    return value.replace("$", "$$") if isinstance(value, str) and not is_formula else value


spec_texts = trees().map(lambda tree: json.dumps(tree, ensure_ascii=False))
"""Valid specs on one line: JSON is YAML."""


def experiment_of(text: str, name: str = "spec.yaml") -> Experiment:
    return parse_experiment(parse_document(text.encode(), name))


experiments = spec_texts.map(experiment_of)
