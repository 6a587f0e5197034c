"""The command line: run one benchmark, or list them."""

import argparse
import importlib
import inspect
import os
import sys
from pathlib import Path

from tests.benchmarks import BENCHMARKS
from tests.benchmarks.tables import machine


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure kexp.")
    parser.add_argument("name", nargs="?", choices=BENCHMARKS, help="which one; without it they are listed")
    parser.add_argument("--rounds", type=int, help="how often each way is measured")
    parser.add_argument(
        "--backend", choices=("tensorflow", "jax", "torch"), help="what computes [tensorflow]"
    )
    parser.add_argument("--device", help="where it computes, such as `gpu` [cpu]")
    given = parser.parse_args()
    if given.name is None:
        for name in BENCHMARKS:
            sys.stdout.write(f"{name:<13}{_first_line(name)}\n")
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = given.backend or "tensorflow"
    sys.path.append(str(Path(__file__).parents[1]))  # as in the tests: `fakes`, `models`
    module, _, function = BENCHMARKS[given.name].partition(":")
    measure = getattr(importlib.import_module(module), function)
    options = {name: vars(given)[name] for name in ("rounds", "device") if vars(given)[name] is not None}
    for name in options.keys() - inspect.signature(measure).parameters.keys():
        parser.error(f"{given.name} takes no --{name}")
    sys.stdout.write(f"{machine()}\n")
    for table in measure(**options):
        sys.stdout.write(f"\n{table}\n")
        sys.stdout.flush()


def _first_line(name: str) -> str:
    source = Path(__file__).with_name(BENCHMARKS[name].rpartition(":")[0].rpartition(".")[2] + ".py")
    return source.read_text(encoding="utf-8").partition('"""')[2].partition("\n")[0].removesuffix('"""')


if __name__ == "__main__":
    main()
