"""Lines of YAML against lines of the plain Keras script that `kexp build -o model.py` writes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.tables import Table

CONFIGS = Path(__file__).parents[2] / "configs"
SECTIONS = ("blocks", "model", "train")
WRITTEN_BY_HAND = {
    "resnet": (49, 65),
    "siamese": (25, 34),
    "unet": (34, 45),
    "transformer-text": (41, 60),
    "wavenet": (32, 38),
}
"""Five models written by a person in both languages, the Keras script formatted by black: YAML, Keras."""


def tables() -> Iterator[Table]:
    rows = []
    for path in sorted(CONFIGS.glob("*.yaml")):
        ours, keras = _of_spec(path), _of_script(path)
        rows.append((path.stem, ours, keras, keras / ours))
    total = [sum(row[column] for row in rows) for column in (1, 2)]
    rows.append(("all", *total, total[1] / total[0]))
    note = "Neither empty lines nor comments: of `blocks`, `model` and `train`; of the script, imports too."
    yield Table("Each example", ("config", "YAML", "Keras", "Keras / YAML"), rows, note)
    by_hand = [(name, ours, keras, keras / ours) for name, (ours, keras) in WRITTEN_BY_HAND.items()]
    yield Table("Written by hand", ("model", "YAML", "Keras", "Keras / YAML"), by_hand)


def _of_spec(path: Path) -> int:
    """Count the lines of the sections that say what is trained and how."""
    section, count = "", 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            section = line.partition(":")[0]
        count += section in SECTIONS
    return count


def _of_script(path: Path) -> int:
    command = [sys.executable, "-m", "kexp", "build", str(path), "-o", "-"]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())
