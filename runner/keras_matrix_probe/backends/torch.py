"""torch, under Keras 3: eager, unless the script compiles."""

import functools
from typing import Any, Callable, Dict, Iterator

import numpy

from .base import Backend


class Torch(Backend):
    """torch under Keras 3. Keras seeds its generator."""

    name = "torch"
    variables = ("KERAS_TORCH_DEVICE", "TORCH_COMPILE_DISABLE", "TORCHINDUCTOR_CACHE_DIR")

    def configuration(self) -> Dict[str, str]:
        """Return torch's threads and whether it is told to be deterministic, for the record."""
        import torch

        return {
            "threads": str(torch.get_num_threads()),
            "interop_threads": str(torch.get_num_interop_threads()),
            "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
            "float32_matmul_precision": str(torch.get_float32_matmul_precision()),
        }

    def shuffle_by_numpy(self, adapter: Any) -> None:
        """Let ``fit``'s loader take its order from NumPy in place of ``RandomSampler``."""
        import torch

        original: Callable[..., Any] = adapter.get_torch_dataloader
        data: Any = torch.utils.data

        @functools.wraps(original)
        def get_torch_dataloader(self: Any) -> Any:
            sampler = data.RandomSampler
            data.RandomSampler = NumpySampler
            try:
                return original(self)
            finally:
                data.RandomSampler = sampler

        adapter.get_torch_dataloader = get_torch_dataloader


class NumpySampler:
    """Another order of the samples each time, drawn from NumPy."""

    def __init__(self, samples: Any) -> None:
        self._count = len(samples)

    def __iter__(self) -> Iterator[int]:
        return iter(numpy.random.permutation(self._count).tolist())

    def __len__(self) -> int:
        return self._count
