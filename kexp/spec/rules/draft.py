"""A spec as far as it could be read: what the rules between keys look at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kexp.document import Document, Entries, path_parts
from kexp.errors import nearest
from kexp.spec.calls import Wiring
from kexp.spec.phases import Phase, phases
from kexp.spec.reader import Reading
from kexp.spec.rules.written import Written
from kexp.spec.steps import is_unread
from kexp.spec.types import Experiment, Stage, Training
from kexp.spec.wiring import output_names


class Unknown(Exception):
    """A rule needs what could not be read; the fault there brings no echo."""


@dataclass(frozen=True)
class Draft:
    """`experiment` holds what could be read, and defaults elsewhere; `reading` knows where the faults are."""

    document: Document
    reading: Reading
    experiment: Experiment

    @cached_property
    def root(self) -> Written:
        return Written(self.document.root, variables=self.reading.variables)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        return phases(self.experiment)

    @property
    def wirings(self) -> Mapping[str, Wiring]:
        return self.reading.wirings

    @cached_property
    def faulty(self) -> list[list[str]]:
        """The paths of the faults so far, in parts."""
        return [path_parts(fault.path) for fault in self.reading.faults if fault.path]

    def knows(self, path: str) -> bool:
        """Tell whether no fault stands at a path or below it, nor a misspelt key that may be meant for it."""
        if path in self.reading.misplaced:
            return False
        parts = path_parts(path)
        for found in self.faulty:
            if found[: len(parts)] == parts:
                return False
            depth = len(found) - 1
            if found[:depth] != parts[:depth] or len(found) > len(parts):
                continue
            above = self.root.at(".".join(parts[: depth + 1]).replace(".[", "["))
            if not above.is_given and nearest(found[-1], [parts[depth]]) is not None:
                return False
        return True

    def need(self, *paths: str) -> None:
        """Go on only where the values at these paths are known.

        Raises: Unknown.
        """
        if not all(self.knows(path) for path in paths):
            raise Unknown

    def place(self, phase: Phase, key: str) -> Written:
        """Return what stands at a key of `train` in this phase: the stage's own, or what it inherits."""
        own = self.root.at(f"{phase.path}.{key}")
        return own if own.is_given or not self.knows(own.path) else self.root.at(f"train.{key}")

    @cached_property
    def outputs(self) -> tuple[str, ...] | None:
        """The names by which `loss` and `metrics` know the model's outputs; None for one without a name.

        Raises: Unknown, also for a model class, which has outputs of its own.
        """
        model, outputs = self.root.at("model"), self.root.at("model.outputs")
        self.need("model.outputs")
        if model.is_object or not isinstance(model.node, Entries):
            raise Unknown
        if outputs.is_given:
            return tuple(output.name for output in outputs.entries()) or _texts(outputs)
        graph = next((g for _, g in self.reading.graphs if g.path == "model"), None)
        if graph is None or is_unread(graph.steps[-1]):
            raise Unknown
        if any(child.name not in ("inputs", "layers", "outputs") for child in model.entries()):
            raise Unknown
        return output_names(graph)


def _texts(outputs: Written) -> tuple[str, ...]:
    """Return a name, or a list of them."""
    return tuple(item.text or "" for item in outputs.items() or [outputs])


def draft_of(document: Document, reading: Reading) -> Draft:
    """Return what a reading came to, with or without faults."""
    top = reading.records.get("", {})
    train = top.get("train") or _partial_training(reading.records)
    given = {"data": None, "model": None, **top, "train": train}
    return Draft(document, reading, Experiment(**given))


def _partial_training(records: Mapping[str, Mapping[str, Any]]) -> Training:
    """Return a training of the keys that could be read, with as many stages as are maps."""
    training = Training(**records.get("train", {}))
    if training.stages:
        return training
    stages: list[Stage] = []
    while (path := f"train.stages[{len(stages)}]") in records:
        stages.append(Stage(**{"name": "", **records[path]}))
    return replace(training, stages=tuple(stages))
