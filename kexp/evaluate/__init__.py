"""Run directory -> model, predictions, and what its metrics are called."""

from kexp.evaluate.heads import Head, heads
from kexp.evaluate.metrics import as_number, reading_order
from kexp.evaluate.predicted import predict, rows_at_once
from kexp.evaluate.rebuilt import Rebuilt, read_info, rebuild
from kexp.evaluate.splits import check_data, choose_split

__all__ = [
    "Head",
    "Rebuilt",
    "as_number",
    "check_data",
    "choose_split",
    "heads",
    "predict",
    "read_info",
    "reading_order",
    "rebuild",
    "rows_at_once",
]
