"""JAX, under Keras 3: functions that XLA compiles, and state outside of the model."""

from typing import Dict

from .base import Backend

OPTIONS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_disable_jit",
    "jax_platforms",
    "jax_threefry_partitionable",
)
"""Options of ``jax.config`` that figures or times may depend on."""


class Jax(Backend):
    """JAX under Keras 3. It shuffles by NumPy, and Keras seeds its generator."""

    name = "jax"
    variables = ("XLA_FLAGS", "JAX_PLATFORMS", "JAX_ENABLE_X64", "JAX_COMPILATION_CACHE_DIR")

    def configuration(self) -> Dict[str, str]:
        """Return the options of ``jax.config``, for the record; no device is started for it."""
        import jax

        return {option: str(getattr(jax.config, option, None)) for option in OPTIONS}
