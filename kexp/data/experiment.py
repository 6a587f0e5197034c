"""The data of an experiment, with faults put at the keys of its spec that name columns."""

from dataclasses import replace
from pathlib import Path

from kexp.data.load import Datasets, load
from kexp.errors import SpecError
from kexp.protocols import Site
from kexp.spec.pipelines import column_places
from kexp.spec.types import Experiment


def load_data(experiment: Experiment, folder: Path) -> Datasets:
    """Read an experiment's data; `folder` is where its relative paths start.

    Raises: what the data source raises.
    """
    places = column_places(experiment)
    site = Site(folder, experiment.seed or 0, tuple(places), experiment.data.split.keys)
    try:
        return load(experiment.data, site)
    except SpecError as error:
        by_column = {f"model.inputs.{column}": place for column, place in places.items()}
        raise SpecError(
            *(replace(d, path=by_column.get(d.path, d.path)) for d in error.diagnostics)
        ) from None
