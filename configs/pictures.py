"""Write scikit-learn's digits as PNG files, a folder for each class: `python configs/pictures.py FOLDER`."""

import sys
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder):
    """Write 1,797 pictures of 8x8 grey pixels as `FOLDER/three/0013.png`."""
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = Path(folder) / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9375).astype("uint8")).save(place / f"{number:04}.png")


if __name__ == "__main__":
    write_digits(sys.argv[1])
