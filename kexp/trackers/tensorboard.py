"""Rows as TensorBoard event files."""

from collections.abc import Mapping

from kexp.record.rundir import RunDir


class TensorBoard:
    """Writes scalars under `tensorboard/`, one tag per column."""

    def __init__(self, run: RunDir) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(str(run.tensorboard))

    def log(self, step: int, row: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        self._writer.add_event(Event(step=step, summary=Summary(value=values)))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
