"""What the digits of scikit-learn (1,797 real images of 8x8 pixels) are made into."""

import numpy as np
from sklearn.datasets import load_digits


def images():
    """Return every image as input and as target, for models that learn to draw what they see.

    Shapes: (n, 8, 8, 1). Units: 0 to 1.
    """
    image, _ = _digits()
    return image, image


def drawn_and_named():
    """Return every image as input, and two targets: the image as it is, and the digit that it shows."""
    image, digit = _digits()
    return image, {"drawing": image, "digit": digit}


def pairs(count, seed=0):
    """Return pairs of images, and whether both show the same digit: about half do. No image is in two splits.

    Shapes: left and right (n, 8, 8, 1); same (n,).
    """

    def made(image, digit, count, random):
        left, right = random.integers(len(digit), size=(2, count))
        for i in np.flatnonzero(random.random(count) < 0.45):
            right[i] = random.choice(np.flatnonzero(digit == digit[left[i]]))
        return {"left": image[left], "right": image[right]}, digit[left] == digit[right]

    return in_splits(made, count, seed)


def in_splits(made, count, seed):
    """Return what `made(image, digit, count, random)` makes of the images of each split."""
    random = np.random.default_rng(seed)
    image, digit = _digits()
    order = np.random.default_rng(0).permutation(len(digit))
    rows = dict(zip(("train", "val", "test"), np.split(order, [1257, 1527]), strict=True))
    return {
        split: made(image[some], digit[some], round(count * len(some) / len(digit)), random)
        for split, some in rows.items()
    }


def _digits():
    data = load_digits()
    return (data.images / 16).astype("float32")[..., None], data.target
