"""Keys in a wrong section, and words of Keras's `fit` and `compile` that are said otherwise here."""

from dataclasses import fields

from kexp.document import Entries, Node
from kexp.errors import nearest
from kexp.spec.types import Graph, Runtime, Split, Training

_KEYS = {
    section: [field.name for field in fields(cls) if field.name not in ("path", "seed", "steps")]
    for section, cls in {"data.split": Split, "runtime": Runtime, "model": Graph, "train": Training}.items()
}
_SECTION_OF = {key: section for section, keys in _KEYS.items() for key in keys} | {
    "layers": "model",
    "split": "data",
    "cache": "data",
}
"""By key: its section; that of `shuffle` is the one of `fit`."""
_SPLIT = "a split is the data's: `data: {split: {val: 0.2}}`"
_MEASURED = "the whole val split is measured, in steps of `train.batch_size`; leave it out"
_FED = "kexp feeds the model by itself; leave it out"
_SAID_OTHERWISE = {
    "validation_split": _SPLIT,
    "val_split": _SPLIT,
    "validation_data": f"{_SPLIT}, or a file of its own: `data: {{val: FILE}}`",
    "test_split": "a split is the data's: `data: {split: {test: 0.2}}`",
    "test_size": "a split is the data's: `data: {split: {test: 0.2}}`",
    "random_state": "the split's own seed is `data: {split: {seed: 0}}`, that of all else `seed`",
    "validation_steps": _MEASURED,
    "validation_batch_size": _MEASURED,
    "workers": _FED,
    "use_multiprocessing": _FED,
    "max_queue_size": _FED,
    "initial_epoch": "a run counts its epochs from 1; leave it out",
    "verbose": "`kexp train --quiet` shows less; leave it out",
    "run_eagerly": "kexp compiles the training step; leave it out",
    "sample_weight": "a sample's weight comes with the data: `data: {sample_weight: NAME}`",
    "learning_rate": "it is an argument of the optimizer: `train: {optimizer: {Adam: 1e-3}}`",
    "lr": "it is an argument of the optimizer: `train: {optimizer: {Adam: 1e-3}}`",
    "early_stopping": "it is a callback: `train: {callbacks: [{EarlyStopping: {patience: 5}}]}`",
    "num_epochs": "did you mean `train.epochs`?",
    "max_epochs": "did you mean `train.epochs`?",
    "input_shape": "a model's inputs are `model: {inputs: {NAME: [SIZES]}}`",
    "mixed_precision": "write `runtime: {precision: mixed_float16}`",
    "gpu": "write `runtime: {device: gpu}`",
    "gpus": "write `runtime: {device: gpu}`",
    "output_dir": "`kexp train --runs DIR` says where runs are kept",
    "log_dir": "`kexp train --runs DIR` says where runs are kept",
}
"""By word: what is written instead."""


def meant_elsewhere(name: str, path: str) -> str | None:
    """Return a help line when another section than the one at `path` has this key, or says it otherwise."""
    section, key = _place_of(name)
    if section is not None:
        return f"did you mean `{section}.{key}`?" if section != path else None
    return _SAID_OTHERWISE.get(name)


def said_otherwise(name: str) -> str | None:
    """Return a help line for a word of Keras's `fit`, or of another tool, that is said otherwise here."""
    return _SAID_OTHERWISE.get(name)


def nearly_elsewhere(name: str, path: str) -> str | None:
    """Return a help line when another section has a key like this one, or says it otherwise."""
    near = nearest(name, [*_SECTION_OF, *_SAID_OTHERWISE]) if len(name) > 3 else None
    return meant_elsewhere(near, path) if near else None


def misplaced_keys(root: Node) -> frozenset[str]:
    """Return the paths of the keys that stand in a section where they are not known."""
    found = set()
    for path in ("", "data", "model", "train", "runtime", "data.split"):
        node: Node | None = root
        for part in path.split(".") if path else ():
            node = node.get(part) if isinstance(node, Entries) else None
        for name, _, _ in node if isinstance(node, Entries) else ():
            section, key = _place_of(name)
            if section not in (None, path) and name not in _KEYS.get(path, ()):
                found.add(f"{section}.{key}")
    return frozenset(found)


def _place_of(name: str) -> tuple[str | None, str]:
    """Return the section that has a key, or the key in the plural."""
    name = name if name in _SECTION_OF else f"{name}s"
    return _SECTION_OF.get(name), name
