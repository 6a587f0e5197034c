"""Measures that anybody can repeat: `python -m tests.benchmarks NAME`.

One module per benchmark: a function that gives tables, and that may take the number of rounds. Its docstring
says what is measured and what was expected before it was.
"""

BENCHMARKS = {
    "busy": "tests.benchmarks.busy:tables",
    "checkpoints": "tests.benchmarks.checkpoints:tables",
    "commands": "tests.benchmarks.commands:tables",
    "data_memory": "tests.benchmarks.data_memory:tables",
    "growth": "tests.benchmarks.growth:tables",
    "kills": "tests.benchmarks.kills:tables",
    "lines": "tests.benchmarks.lines:tables",
    "manifest": "tests.benchmarks.manifest:tables",
    "memory": "tests.benchmarks.memory:tables",
    "overhead": "tests.benchmarks.overhead:tables",
    "precision": "tests.benchmarks.precision:tables",
    "prediction": "tests.benchmarks.prediction:tables",
    "resnet50": "tests.benchmarks.resnet50:tables",
    "resume": "tests.benchmarks.resume:tables",
    "saves": "tests.benchmarks.saves:tables",
    "snapshot": "tests.benchmarks.snapshot:tables",
    "sources": "tests.benchmarks.sources:tables",
    "symbols": "tests.benchmarks.symbols:tables",
    "threads": "tests.benchmarks.threads:tables",
    "training": "tests.benchmarks.training:tables",
}
"""By name, where each begins."""
