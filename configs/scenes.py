"""Canvases with digits on them, whose every pixel has a class."""

import numpy as np
from digits import in_splits


def scenes(count, size, seed=0):
    """Return noisy canvases with two digits each, and what every pixel shows. No digit is in two splits.

    Shapes: canvas (n, size, size, 1); classes (n, size, size): 0 for nothing, 1 to 10 for the digits 0 to 9.
    """

    def made(image, digit, count, random):
        canvas = random.uniform(0, 0.4, (count, size, size, 1)).astype("float32")
        classes = np.zeros((count, size, size), "int32")
        for scene in np.repeat(np.arange(count), 2):
            chosen, (row, column) = random.integers(len(digit)), random.integers(size - 7, size=2)
            place, ink = np.s_[scene, row : row + 8, column : column + 8], image[chosen, :, :, 0] > 0.25
            canvas[place][ink] = image[chosen][ink]  # the second digit may cover the first
            classes[place][ink] = digit[chosen] + 1
        return canvas, classes

    return in_splits(made, count, seed)
