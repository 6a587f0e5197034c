"""What `--rebuild` adds to the fuzzing: runs whose spec or manifest was changed, measured with Keras."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hostile.commands import kexp
from hostile.fuzz import Target, by_json_tree
from hostile.mutation import changed_tree
from hostile.runs import ID, MANIFEST, MODEL, list_anew, make_run, spec

RUNTIME = ("precision", "threads", "steps_per_execution", "jit_compile", "deterministic", "device", "backend")
MODELS = (
    MODEL,
    """\
model:
  layers:
    - Dense: {units: 8, activation: relu, kernel_regularizer: {L2: 1e-4}}
    - BatchNormalization
    - Dropout: 0.5
    - Dense -> scores: {units: 3, activation: softmax}
""",
    """\
model:
  inputs: {features: [4]}
  layers:
    - expr -> a: features * 2 + 1
    - Reshape: {target_shape: [4, 1]}
    - Bidirectional: {GRU: 4}
    - Flatten -> f
    - a, f -> Concatenate
    - Dense -> scores: {units: 3}
""",
    """\
blocks: {b: {params: {n: 4}, layers: [{Dense: $n}, ReLU]}}
model:
  layers:
    - b: 5
    - Reshape: {target_shape: [5, 1]}
    - Conv1D: {filters: 4, kernel_size: 3, padding: same}
      repeat: 2
    - GlobalAveragePooling1D
    - Dense -> scores: {units: 3, activation: softmax}
""",
    f"preprocess: {{features: [Normalization]}}\n{MODEL}",
)


def rebuilding(folder: Path) -> Iterator[Target]:
    """Yield what needs Keras: specs and manifests of a stranger's run."""
    run = make_run(folder / "runs")
    np.save(folder / "rows.npy", np.zeros((2, 4), np.float32))
    sound = {path: path.read_bytes() for path in (run.resolved, run.manifest)}

    def through(path: Path) -> Callable[[bytes], None]:
        def read(data: bytes) -> None:
            path.write_bytes(data)
            list_anew(run, path)
            kexp(folder, "predict", ID, "rows.npy", "--proba")
            kexp(folder, "evaluate", ID, "--split", "train")
            path.write_bytes(sound[path])
            list_anew(run, path)

        return read

    yield Target(
        "spec rebuilt",
        [spec(model).encode() for model in MODELS],
        by_section,
        through(run.resolved),
        most_seconds=5,
    )
    yield Target(
        "manifest rebuilt",
        [json.dumps(MANIFEST).encode()],
        by_json_tree,
        through(run.manifest),
        most_seconds=5,
    )


def by_section(random: random.Random, target: Target) -> bytes:
    """Change one section, so that most of what comes out can be built."""
    tree: dict[str, Any] = yaml.load(random.choice(target.samples), Loader=yaml.CSafeLoader)
    if random.randrange(5):
        section = random.choice(["model", "model", "train", "blocks", "preprocess"])
        tree[section] = changed_tree(random, tree.get(section, {}))
    else:
        tree["runtime"] = {random.choice(RUNTIME): changed_tree(random, 1)}
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False).encode()
