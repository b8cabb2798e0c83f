"""torch, under Keras 3: eager, unless the script compiles."""

import functools
from typing import Any, Callable, Dict, Iterator

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

    def shuffle_by_numpy(self, adapters: Any, current: Callable[[Any, int], Any]) -> None:
        """Let ``fit``'s loader take its order from NumPy in place of ``RandomSampler``."""
        import torch

        original: Callable[..., Any] = adapters.get_torch_dataloader
        data: Any = torch.utils.data

        @functools.wraps(original)
        def get_torch_dataloader(adapter: Any) -> Any:
            sampler = data.RandomSampler
            data.RandomSampler = lambda samples: OrderedSampler(
                len(samples), lambda: current(adapter, len(samples))
            )
            try:
                return original(adapter)
            finally:
                data.RandomSampler = sampler

        adapters.get_torch_dataloader = get_torch_dataloader


class OrderedSampler:
    """An order of samples for each epoch, as ``order`` returns it."""

    def __init__(self, count: int, order: Callable[[], Any]) -> None:
        self._count = count
        self._order = order

    def __iter__(self) -> Iterator[int]:
        return iter(self._order().tolist())

    def __len__(self) -> int:
        return self._count
