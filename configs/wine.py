"""The wine data of scikit-learn as two views and two things to predict."""

from sklearn.datasets import load_wine

ACIDS = ("malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids")
LOOKS = ("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "proline")


def load():
    """Return (inputs, targets): two groups of columns; the cultivar by name, and the alcohol in percent."""
    wine = load_wine()
    column = {name: wine.data[:, i] for i, name in enumerate(wine.feature_names)}

    def group(names):
        return wine.data[:, [wine.feature_names.index(name) for name in names]]

    inputs = {"acids": group(ACIDS), "looks": group(LOOKS)}
    targets = {"cultivar": wine.target_names[wine.target], "alcohol": column["alcohol"]}
    return inputs, targets
