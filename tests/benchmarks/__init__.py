"""Measures that anybody can repeat: `python -m tests.benchmarks NAME`.

One module per benchmark: a function that gives tables, and that may take the number of rounds. Its docstring
says what is measured and what was expected before it was.
"""

BENCHMARKS = {
    "kills": "tests.benchmarks.kills:tables",
    "lines": "tests.benchmarks.lines:tables",
    "overhead": "tests.benchmarks.overhead:tables",
    "resnet50": "tests.benchmarks.resnet50:tables",
    "sources": "tests.benchmarks.sources:tables",
    "symbols": "tests.benchmarks.symbols:tables",
    "training": "tests.benchmarks.training:tables",
}
"""By name, where each begins."""
