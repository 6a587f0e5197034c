"""What the digits of scikit-learn (1,797 real images of 8x8 pixels) are made into."""

import numpy as np
from sklearn.datasets import load_digits


def images():
    """Return (image, the same image), for models that learn to draw what they see.

    Shapes: (n, 8, 8, 1). Units: 0 to 1.
    """
    image = (load_digits().images / 16).astype("float32")[..., None]
    return image, image


def pairs(count=3000, seed=0):
    """Return pairs of images and whether they show the same digit, for every split; no digit is in two splits.

    Shapes: left, right (n, 8, 8, 1); same (n,).
    """
    random = np.random.default_rng(seed)

    def made(image, digit, count):
        order = np.argsort(digit, kind="stable")
        left = random.integers(len(digit), size=count)
        start, stop = (np.searchsorted(digit[order], digit[left], side) for side in ("left", "right"))
        partner = order[random.integers(start, stop)]                  # half the pairs: of the same class
        right = np.where(random.random(count) < 0.5, partner, random.integers(len(digit), size=count))
        return {"left": image[left], "right": image[right]}, digit[left] == digit[right]

    return {name: made(*part, count // share) for (name, part), share in zip(_parts(), (1, 5, 5), strict=True)}


def scenes(count=1000, size=24, digits=3, seed=0):
    """Return noisy canvases with a few digits on them, and what every pixel shows: 0 for nothing, else digit + 1.

    Shapes: canvas (n, size, size, 1); classes (n, size, size).
    """
    random = np.random.default_rng(seed)

    def made(image, digit, count):
        canvas = random.uniform(0, 0.4, (count, size, size, 1)).astype("float32")
        classes = np.zeros((count, size, size), "int32")
        for number, (i, row, column) in np.ndenumerate(np.empty((0,))) or ():
            pass
        return canvas, classes

    return {name: made(*part, count // share) for (name, part), share in zip(_parts(), (1, 5, 5), strict=True)}


def _parts():
    """Yield the name, images and digits of every split; the last writers are the test."""
