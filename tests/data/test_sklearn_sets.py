from pathlib import Path

import numpy as np
import pytest

from kexp.data.sklearn_sets import CLASSIFICATION, REGRESSION, load
from kexp.errors import SpecError
from kexp.protocols import Site
from kexp.spec.sources import DATASETS

SITE = Site(Path(), seed=0)


def shapes(dataset: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    samples = load(SITE, dataset=dataset).parts["all"]
    arrays = {**samples.inputs, **samples.targets}
    return {name: (array.dtype.name, array.shape) for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("dataset", "rows", "columns", "classes"),
    [
        ("digits", 1797, 64, tuple("0123456789")),
        ("iris", 150, 4, ("setosa", "versicolor", "virginica")),
        ("wine", 178, 13, ("class_0", "class_1", "class_2")),
        ("breast_cancer", 569, 30, ("malignant", "benign")),
    ],
)
def test_classes_are_numbers_with_names(
    dataset: str, rows: int, columns: int, classes: tuple[str, ...]
) -> None:
    assert shapes(dataset) == {"features": ("float32", (rows, columns)), "target": ("int32", (rows,))}
    assert load(SITE, dataset=dataset).classes == {"target": classes}


def test_diabetes_has_values() -> None:
    assert shapes("diabetes") == {"features": ("float32", (442, 10)), "target": ("float32", (442,))}
    assert load(SITE, dataset="diabetes").classes == {}


def test_linnerud_has_a_target_for_each_measurement() -> None:
    assert shapes("linnerud") == {
        "features": ("float32", (20, 3)),
        "Weight": ("float32", (20,)),
        "Waist": ("float32", (20,)),
        "Pulse": ("float32", (20,)),
    }


def test_columns_that_the_spec_names_become_inputs_of_their_own() -> None:
    site = Site(Path(), seed=0, columns=("petal width (cm)", "petal length (cm)"))
    table = load(site, dataset="iris")
    inputs = table.parts["all"].inputs
    stacked = load(SITE, dataset="iris").parts["all"].inputs["features"]
    assert list(inputs) == ["petal width (cm)", "petal length (cm)"]
    assert table.columns == {}
    assert np.array_equal(np.hstack(list(inputs.values())), stacked[:, [3, 2]])


def test_an_input_of_another_name_leaves_the_features_stacked() -> None:
    table = load(Site(Path(), seed=0, columns=("features",)), dataset="iris")
    assert list(table.parts["all"].inputs) == ["features"]
    assert table.columns == {
        "features": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    }


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        load(SITE, dataset="digit")
    assert str(caught.value) == (
        "error[unknown-dataset]: scikit-learn comes with no dataset `digit`\n"
        "  --> data.dataset\n"
        "help: did you mean `digits`?"
    )


def test_an_unlike_name_is_answered_with_all() -> None:
    with pytest.raises(SpecError) as caught:
        load(SITE, dataset="cifar10")
    assert str(caught.value) == (
        "error[unknown-dataset]: scikit-learn comes with no dataset `cifar10`\n"
        "  --> data.dataset\n"
        "help: the datasets are `digits`, `iris`, `wine`, `breast_cancer`, `diabetes`, `linnerud`"
    )


def test_the_static_check_knows_the_same_sets() -> None:
    assert DATASETS["sklearn"] == CLASSIFICATION + REGRESSION
