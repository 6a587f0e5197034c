"""Bytes and trees, changed at random by a seed."""

import random
from collections.abc import Sequence
from typing import Any

Random = random.Random

YAML_TOKENS = (
    *(
        ": ",
        "- ",
        "? ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\n",
        "\n  ",
        "\n    - ",
        "#",
        "'",
        '"',
        "|\n",
        ">\n",
        "---\n",
    ),
    *(
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "<<: *a",
        "%YAML 1.1\n",
        "~",
        "null",
        "yes",
        "1_0",
        "010",
        "1:30",
        ".nan",
    ),
    *(
        "1e400",
        "-1",
        "0x1f",
        "$",
        "$(",
        "$)",
        "$a",
        "$$",
        "$(a + 1)",
        "$(dim(x))",
        "->",
        " -> ",
        "prev",
        "input",
    ),
    *(
        "repeat: 3",
        "weights: a",
        "call: {training: true}",
        "trainable_from: x",
        "outputs_of: [a]",
        "adapt: true",
    ),
    *("expr: 'prev + 1'", "model: {layers: [Flatten]}", "reuse: a", "layers: [Flatten]", "extends: a.yaml"),
    *(
        "Dense: 3",
        "LSTM",
        "Adam: 1e-3",
        "Lambda",
        "MultiHeadAttention",
        "f.py:g",
        "os:system",
        "class_name: a",
    ),
    *(
        "blocks:",
        "vars:",
        "data:",
        "train:",
        "stages:",
        "preprocess:",
        "augment:",
        "expect:",
        "evaluate:",
        "tags:",
    ),
    *("\ufeff", "\u202e", "\u0430", "\U0001f600", "\x85", "\t", "\x00", "\x1b[2J", "\\", "\\u0000", "é"),
)
JSON_TOKENS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\\",
        "null",
        "true",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-0",
        "1.5",
    ),
    *(
        '"a": 1,',
        '"schema": 2,',
        '"\\ud800"',
        '"\\u202e"',
        "9" * 200,
        "[[[[[[",
        '{"a":{"a":{"a":',
        "\x00",
        "\xff",
    ),
    *(
        '"state": "running"',
        '"metrics": {}',
        '"samples": {"a": 1}',
        '"shape": [-1]',
        '"data_offsets": [0, 1]',
    ),
)
SUMS_TOKENS = (
    "\n",
    "  ",
    " *",
    "\\",
    "\\n",
    "../",
    "/etc/passwd",
    "0" * 64,
    "spec.yaml",
    "\x00",
    "\xff",
    "g" * 64,
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        -(2**70),
        10**50,
        0.5,
        -0.0,
        1e308,
        float("inf"),
        float("nan"),
    ),
    *(
        "",
        "a",
        "$a",
        "$(1 + 1)",
        "$i",
        "x -> y",
        "a, b -> Add",
        "Dense",
        "adam",
        "f.py:g",
        "\u202e",
        "a" * 300,
    ),
    *(
        [],
        {},
        [1],
        [[]],
        {"a": 1},
        {"Dense": 3},
        {"layers": ["Flatten"]},
        {"class_name": "a"},
        [None],
        ["a", "a"],
    ),
)


def changed_bytes(random: Random, data: bytes, others: Sequence[bytes], tokens: Sequence[str]) -> bytes:
    """Return data after a few edits: bytes and tokens put in, pieces cut, doubled and taken from others."""
    for _ in range(random.randint(1, 6)):
        start = random.randint(0, len(data))
        stop = min(len(data), start + int(random.expovariate(0.1)))
        match random.randrange(6):
            case 0:
                data = data[:start] + bytes([random.randrange(256)]) + data[start + 1 :]
            case 1 | 2:
                data = data[:start] + random.choice(tokens).encode() + data[start:]
            case 3:
                data = data[:start] + data[stop:]
            case 4:
                data = data[:stop] + data[start:stop] * random.randint(1, 3) + data[stop:]
            case 5:
                other = random.choice(others)
                place = random.randint(0, len(other))
                data = data[:start] + other[place : place + int(random.expovariate(0.02))] + data[start:]
    return data


def changed_tree(random: Random, tree: Any) -> Any:
    """Return a tree of maps and lists after a few edits: values replaced, removed, doubled and swapped."""
    for _ in range(random.randint(1, 4)):
        tree = _edited(random, tree, random.randint(0, 6))
    return tree


def _edited(random: Random, tree: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(tree, (dict, list)) or not tree:
        return random.choice(VALUES)
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = random.choice(keys)
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    match random.randrange(8):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[random.choice(YAML_TOKENS)] = copy[key]
        case 1:
            copy.append(copy[key])
        case 2 if isinstance(copy, dict):
            copy[str(random.choice(VALUES))] = copy.pop(key)
        case _:
            copy[key] = _edited(random, tree[key], depth - 1)
    return copy
