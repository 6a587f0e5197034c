"""How many steps make a segment."""

SECONDS = 0.25
"""What a segment shall last: short for progress and signals, long beside what it costs to begin one."""

_GROWTH = 16
"""How many times longer than the last one a segment may be: one step may tell little of the next ones."""


class Tempo:
    """The length of the next segment, measured by the last one unless it is fixed."""

    def __init__(self, fixed: int | None = None) -> None:
        self.length = fixed or 1
        self.is_fixed = fixed is not None
        self.has_begun = False

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a segment. The first one is no measure: it was traced and compiled."""
        if self.has_begun and not self.is_fixed:
            fitting = int(SECONDS * steps / seconds)
            self.length = max(1, min(fitting, _GROWTH * self.length))
        self.has_begun = True
