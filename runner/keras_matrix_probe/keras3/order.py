"""The same order of samples on every backend, in each epoch of ``fit``.

Keras 3 shuffles arrays by NumPy's generator on some backends and by the backend's own on others,
and looks at a first batch before the first epoch on some only
(keras/src/trainers/data_adapters/array_data_adapter.py and py_dataset_adapter.py, v3.15.1). Here
each epoch draws one order from NumPy, and shuffles that of the epoch before, as Keras 2 does
(``fit_loop`` in keras/engine/training_arrays.py, tag 2.3.1).
"""

import functools
import sys
from typing import Any, Callable, Iterator

import numpy

from .. import backends

ORDER = "_keras_matrix_order"
"""Attribute of adapters: the epoch that an order was drawn for, and the order."""
ADAPTERS = "keras.src.trainers.data_adapters.%s"


class Orders:
    """Draws an order for each epoch, once, whichever backend asks for it and how often."""

    def __init__(self) -> None:
        self._epochs = 0
        self._within = False

    def install(self, keras: Any) -> None:
        """Let all adapters that shuffle ask here."""
        callbacks = keras.callbacks.CallbackList
        _before(callbacks, "on_epoch_begin", self.begin_epoch)
        _before(callbacks, "on_epoch_end", self.end_epoch)
        arrays: Any = sys.modules[ADAPTERS % "array_data_adapter"].ArrayDataAdapter
        arrays._get_iterator = self._array_iterator(arrays._get_iterator, keras.tree.map_structure)
        batches: Any = sys.modules[ADAPTERS % "py_dataset_adapter"].PyDatasetAdapter
        batches._finite_generator = self._batch_generator()
        backends.of(keras).shuffle_by_numpy(arrays, self.current)

    def begin_epoch(self) -> None:
        """Count an epoch that begins."""
        self._epochs += 1
        self._within = True

    def end_epoch(self) -> None:
        """Take what is asked for from now on for the next epoch."""
        self._within = False

    def current(self, adapter: Any, count: int) -> Any:
        """Return the order of an adapter's samples or batches in this epoch, or before it."""
        epoch = self._epochs if self._within else self._epochs + 1
        drawn_for, order = getattr(adapter, ORDER, (None, None))
        if drawn_for != epoch:
            order = numpy.arange(count, dtype="int64") if order is None else order.copy()
            numpy.random.shuffle(order)
            setattr(adapter, ORDER, (epoch, order))
        return order

    def _array_iterator(self, original: Any, map_structure: Any) -> Callable[..., Any]:
        def iterator(adapter: Any, convert: Any, inputs: Any) -> Iterator[Any]:
            if not adapter._shuffle or adapter._shuffle == "batch":
                yield from original(adapter, convert, inputs)
                return
            order = self.current(adapter, adapter._num_samples)
            for start in range(0, adapter._num_samples, adapter._batch_size):
                indices = order[start : start + adapter._batch_size]
                part = functools.partial(convert, indices=indices)
                yield map_structure(part, inputs, none_is_leaf=False)

        return iterator

    def _batch_generator(self) -> Callable[..., Any]:
        def generator(adapter: Any) -> Iterator[Any]:
            count = adapter.py_dataset.num_batches
            for index in self.current(adapter, count) if adapter.shuffle else range(count):
                yield adapter._standardize_batch(adapter.py_dataset[int(index)])

        return generator


def _before(owner: Any, name: str, action: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        action()
        return original(*args, **kwargs)

    setattr(owner, name, call)
