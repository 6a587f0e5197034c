"""All that a run says of where it ran, but what only Keras knows."""

import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from kexp import __version__
from kexp.record.distributions import Distribution, installed
from kexp.record.git import Checkout, git_checkout
from kexp.record.machine import Cpu, Memory, cpu, memory
from kexp.record.redaction import REDACTED, is_secret_name, redacted_arguments, redacted_text
from kexp.record.status import utc_text

_PREFIXES = (
    *("KERAS_", "KEXP_", "TF_", "XLA_", "JAX_", "JAXLIB_", "LIBTPU_", "TPU_"),
    *("TORCH_", "TORCHINDUCTOR_", "PYTORCH_"),
    *("CUDA_", "CUDNN_", "CUBLAS_", "NCCL_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "MIOPEN_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_"),
)
# Terraform's, whose inputs are often secrets under innocent names.
_FOREIGN_PREFIXES = ("TF_VAR_", "TF_CLI_", "TF_TOKEN_")
_NAMES = frozenset(
    {"PYTHONHASHSEED", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV", "CONDA_PREFIX"}
)


class Python(TypedDict):
    version: str
    implementation: str
    executable: str


class Environment(TypedDict):
    started: str
    kexp: str
    command: list[str]
    python: Python
    platform: str
    libc: str
    hostname: str
    cpu: Cpu
    memory: Memory
    variables: dict[str, str]
    git: Checkout | None
    distributions: list[Distribution]


def collect_environment(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, now: datetime | None = None
) -> Environment:
    """Describe this process; `cwd` is the folder of the spec, whose git checkout counts."""
    return Environment(
        started=utc_text(now or datetime.now(UTC)),
        kexp=__version__,
        command=redacted_arguments(argv),
        python=Python(
            version=platform.python_version(),
            implementation=platform.python_implementation(),
            executable=sys.executable,
        ),
        platform=platform.platform(),
        libc=" ".join(platform.libc_ver()).strip(),
        hostname=platform.node(),
        cpu=cpu(),
        memory=memory(),
        variables=recorded_variables(environ),
        git=git_checkout(cwd),
        distributions=installed(),
    )


def recorded_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that can change a result, secrets redacted."""
    return {
        name: REDACTED if is_secret_name(name) else redacted_text(value)
        for name, value in sorted(environ.items())
        if name in _NAMES or (name.startswith(_PREFIXES) and not name.startswith(_FOREIGN_PREFIXES))
    }
