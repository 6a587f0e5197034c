"""What there is to say of devices, whichever backend looks for them."""

from pathlib import Path

from kexp.errors import DeviceError

_DRIVER = Path("/proc/driver/nvidia/version")


def check_device(asked: str, num_found: int, backend: str, help: str) -> int:
    """Return the number of the device that `gpu`, `gpu:1` or `tpu` asks for.

    Raises: DeviceError (device-missing).
    """
    kind, _, digits = asked.partition(":")
    number = int(digits or 0)
    if number >= num_found:
        raise missing(asked, _found(num_found, kind.upper(), backend), help)
    return number


def missing(asked: str, found: str, help: str) -> DeviceError:
    error = DeviceError.because(
        "device-missing", f"there is no device `{asked}`: {found}", path="runtime.device", help=help
    )
    assert isinstance(error, DeviceError)
    return error


def unused_gpu(asked: str, backend: str, help: str) -> str | None:
    """Return what to say where a GPU is there, was not refused, and cannot be used."""
    if asked != "auto" or not has_nvidia_device():
        return None
    return f"a GPU is present, but {backend} cannot use it: training on the CPU; {help}"


def _found(num_found: int, kind: str, backend: str) -> str:
    if num_found:
        return f"{backend} finds {num_found} {kind}, numbered from 0"
    driver = ", and an NVIDIA driver is installed" if has_nvidia_device() else ""
    return f"{backend} finds only the CPU{driver}"


def has_nvidia_device() -> bool:
    return Path("/dev/nvidia0").exists() or _DRIVER.exists()


def driver() -> str | None:
    return _DRIVER.read_text().splitlines()[0] if _DRIVER.exists() else None
