"""Inputs -> predictions, as many rows at a time as a model does fastest."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kexp.evaluate.rebuilt import Rebuilt
from kexp.graph.assemble import output_units
from kexp.graph.limits import item_bytes, layer_tensors
from kexp.graph.units import restored
from kexp.preparation import prepared
from kexp.protocols import Samples

MOST_ROWS = 4096
MOST_BYTES = 16 << 20
"""What the widest layer may give at a time: more leaves the processor's caches, and is slower."""

_UNKNOWN_SIZE = 512


def rows_at_once(rebuilt: Rebuilt) -> int:
    """Return how many rows to predict together: no fewer than were trained together."""
    return fitting_rows(rebuilt.assembly.model, rebuilt.batch_size)


def fitting_rows(model: keras.Model, least: int) -> int:
    """Return how many rows a model does fastest; `least` where it is a class, whose layers are unknown."""
    sizes = [
        item_bytes(tensor.dtype) * math.prod(_UNKNOWN_SIZE if n is None else n for n in tensor.shape[1:])
        for _, tensor in layer_tensors(model)
    ]
    return max(least, min(MOST_ROWS, MOST_BYTES // max(1, *sizes))) if sizes else least


def predict(
    rebuilt: Rebuilt, inputs: Mapping[str, "np.ndarray[Any, Any]"], batch_size: int
) -> list["np.ndarray[Any, Any]"]:
    """Return one array per output; `inputs` are by column name, in the shapes that training had."""
    assembly = rebuilt.assembly
    samples = prepared(assembly.preprocessing, Samples(inputs, {}), rebuilt.seen)
    arrays = outputs_of(assembly.model, assembly.inputs(samples), batch_size)
    units = output_units(assembly.targets, rebuilt.info)
    names = dict(enumerate(assembly.targets))
    found = (units.get(names.get(number, "")) for number in range(len(arrays)))
    return [array if own is None else restored(array, own) for array, own in zip(arrays, found, strict=True)]


def outputs_of(model: keras.Model, columns: Any, batch_size: int) -> Sequence["np.ndarray[Any, Any]"]:
    """Return a model's outputs for all rows, one array each; `columns` are nested as the model takes them.

    All slices are of one size, which compiles once: the last one begins among the rows before it.
    """
    size, done = len(keras.tree.flatten(columns)[0]), 0
    slices = []
    for end in (*range(batch_size, size, batch_size), size):
        rows = slice(max(0, end - batch_size), end)
        given = keras.tree.map_structure(lambda column, rows=rows: np.asarray(column[rows]), columns)
        result = keras.tree.flatten(model.predict_on_batch(given))
        slices.append([array[done - end :] for array in result])
        done = end
    return [np.concatenate(parts) for parts in zip(*slices, strict=True)]
