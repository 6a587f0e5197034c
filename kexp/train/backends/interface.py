"""What Keras's backends have of their own, on one page."""

from typing import Any, Protocol

from kexp.spec.types import Runtime


class Backend(Protocol):
    """One backend's own ways; its package is imported, and nothing has been computed yet."""

    refusals: tuple[type[Exception], ...]
    """What it raises, beside ValueError and TypeError, for a model or data that it cannot compute with."""

    def settle(self, runtime: Runtime, threads: int) -> tuple[str, str | None]:
        """Settle threads, device and determinism; return the device's name, and what to say of it.

        Raises: DeviceError (device-missing).
        """

    def details(self) -> dict[str, Any]:
        """Return versions and settings for the manifest."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell what it raises where the device has no room."""

    def build_steps(self, model: Any, batch: Any) -> None:
        """Make the variables that a model with steps of its own makes at its first ones."""

    def sync(self, model: Any) -> None:
        """Bring what a running `fit` holds outside the model into the model's variables."""

    def random_states(self) -> Any:
        """Return the states of its own generators as JSON."""

    def restore_random_states(self, states: Any) -> None:
        """Let its own generators go on where they were."""
