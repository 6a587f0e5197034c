"""What the packages of the backends read from the environment when they are imported."""

from collections.abc import Mapping

from kexp.spec.types import Runtime


def settled_for(runtime: Runtime, threads: int, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set; what the user set stays, but for what the spec says otherwise."""
    flags = given.get("XLA_FLAGS", "").split()
    wishes = {
        # TensorFlow reads data and prepares them whatever the backend: it must leave the GPU's memory alone.
        "TF_CPP_MIN_LOG_LEVEL": given.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if runtime.backend == "jax":
        wishes["PJRT_NPROC"] = str(threads)
        wishes["XLA_PYTHON_CLIENT_PREALLOCATE"] = given.get("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        if runtime.device == "cpu":
            wishes["JAX_PLATFORMS"] = "cpu"
        if runtime.deterministic:
            wishes["XLA_FLAGS"] = " ".join([*flags, "--xla_gpu_deterministic_ops=true"])
    if runtime.backend == "torch" and runtime.deterministic:
        wishes["CUBLAS_WORKSPACE_CONFIG"] = given.get("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return {"KERAS_BACKEND": runtime.backend, **wishes}
