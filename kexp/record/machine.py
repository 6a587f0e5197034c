"""The machine as this process may use it: processor, memory and the limits on both."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypedDict

# Source: the kernel's cgroup v1 memory controller says LONG_MAX, rounded to pages, for "no limit".
_NO_LIMIT_BYTES = 1 << 62


class Cpu(TypedDict):
    """`num_usable` counts those of `affinity`, such as `0-3,8`; `cgroup_limit` may be a fraction of one."""

    model: str | None
    flags: list[str]
    num_cpus: int | None
    num_usable: int | None
    affinity: str | None
    cgroup_limit: float | None


class Memory(TypedDict):
    total_bytes: int
    cgroup_limit_bytes: int | None


def cpu(root: Path = Path("/")) -> Cpu:
    model, flags = _macos_processor() if sys.platform == "darwin" else _linux_processor(root)
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    return Cpu(
        model=model or platform.processor() or None,
        flags=flags,
        num_cpus=os.cpu_count(),
        num_usable=len(affinity) if affinity else os.cpu_count(),
        affinity=ranges(affinity) if affinity else None,
        cgroup_limit=_cpu_limit(root),
    )


def ranges(numbers: Iterable[int]) -> str:
    """Return `0-3,8` for 0, 1, 2, 3 and 8, as `taskset` writes it."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ",".join("-".join(map(str, each)) for each in found)


def memory(root: Path = Path("/")) -> Memory:
    return Memory(
        total_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cgroup_limit_bytes=_memory_limit(root),
    )


def free_memory_bytes(root: Path = Path("/")) -> int:
    """Return what this process may still take without swapping, within the limits of its cgroups."""
    available = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo") or "", re.MULTILINE)
    free = [int(available[1]) << 10 if available else memory(root)["total_bytes"] // 2]
    for folder in _cgroups(root, "memory"):
        limit = _text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes") or "max"
        used = _text(folder / "memory.current") or _text(folder / "memory.usage_in_bytes") or "0"
        if limit != "max" and int(limit) < _NO_LIMIT_BYTES:
            free.append(int(limit) - int(used))
    return max(0, min(free))


def _linux_processor(root: Path) -> tuple[str | None, list[str]]:
    """Read the first processor only: with hundreds of them the whole file takes long."""
    fields: dict[str, str] = {}
    try:
        with (root / "proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break
                name, _, value = line.partition(":")
                fields[name.strip()] = value.strip()
    except OSError:
        return None, []
    arm = [fields[name] for name in ("CPU implementer", "CPU part") if name in fields]
    model = fields.get("model name") or (f"ARM {' '.join(arm)}" if arm else None)
    return model, fields.get("flags", fields.get("Features", "")).split()


def _macos_processor() -> tuple[str | None, list[str]]:
    model = _sysctl("machdep.cpu.brand_string")
    flags = (_sysctl("machdep.cpu.features") or "") + " " + (_sysctl("machdep.cpu.leaf7_features") or "")
    return model, flags.lower().split()


def _sysctl(name: str) -> str | None:
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


# ---------------------------------------------------------------- cgroups: each ancestor may limit


def _cpu_limit(root: Path) -> float | None:
    limits = []
    for folder in _cgroups(root, "cpu"):
        quota, period = (_text(folder / "cpu.max") or " ").split(" ", 1)
        quota = quota or _text(folder / "cpu.cfs_quota_us") or "max"
        period = period or _text(folder / "cpu.cfs_period_us") or "100000"
        if quota not in ("max", "-1"):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def _memory_limit(root: Path) -> int | None:
    limits = []
    for folder in _cgroups(root, "memory"):
        limit = _text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes") or "max"
        if limit != "max" and int(limit) < _NO_LIMIT_BYTES:
            limits.append(int(limit))
    return min(limits, default=None)


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's group and of its ancestors, in both versions of cgroups."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        inner = PurePosixPath(group.lstrip("/"))
        yield from (mount / inner, *(mount / outer for outer in inner.parents))


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
