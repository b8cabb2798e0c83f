"""TensorFlow: 1, as Keras 2 uses it with graphs and sessions, and 2 under Keras 3."""

import functools
from typing import Any, Callable, Dict, Sequence

from .base import Backend, Gradients


class TensorFlow(Backend):
    """TensorFlow under Keras 2 and 3."""

    name = "tensorflow"
    variables = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_DETERMINISTIC_OPS",
    )

    def seed(self, seed: int) -> None:
        """Seed the default graph: TensorFlow 1 has a seed of its own for each graph."""
        import tensorflow

        compat = getattr(tensorflow, "compat", None)
        (compat.v1 if compat is not None else tensorflow).set_random_seed(seed)

    def configuration(self) -> Dict[str, str]:
        """Return TensorFlow 2's number of threads, 0 if it decides, for the record."""
        import tensorflow

        if str(tensorflow.__version__).startswith("1."):
            return {}
        threading = tensorflow.config.threading
        return {
            "intra_op_threads": str(threading.get_intra_op_parallelism_threads()),
            "inter_op_threads": str(threading.get_inter_op_parallelism_threads()),
        }

    def shuffle_by_numpy(self, adapters: Any, current: Callable[[Any, int], Any]) -> None:
        """Let the graph that orders samples call NumPy in place of ``tf.random.shuffle``."""
        import tensorflow

        original: Callable[..., Any] = adapters.get_tf_dataset

        @functools.wraps(original)
        def get_tf_dataset(adapter: Any) -> Any:
            if adapter._shuffle == "batch":
                return original(adapter)
            shuffle = tensorflow.random.shuffle
            count = adapter._num_samples

            def ordered(indices: Any) -> Any:
                order = tensorflow.numpy_function(
                    lambda: current(adapter, count), [], indices.dtype, stateful=True
                )
                order.set_shape(indices.shape)
                return order

            tensorflow.random.shuffle = ordered
            try:
                # Keras's functions are traced here, once.
                return original(adapter)
            finally:
                tensorflow.random.shuffle = shuffle

        adapters.get_tf_dataset = get_tf_dataset

    def gradients(self, loss: Any, tensors: Sequence[Any]) -> Gradients:
        """Return the gradients of a scalar by tensors of its graph."""
        import tensorflow

        return [_dense(gradient) for gradient in tensorflow.gradients(loss, list(tensors))]

    def gradients_through(
        self,
        outputs: Sequence[Any],
        upstream: Sequence[Any],
        inputs: Sequence[Any],
        tensors: Sequence[Any],
    ) -> Gradients:
        """Return what arrives at tensors of the gradients ``upstream`` by a layer's outputs."""
        import tensorflow

        gradients = tensorflow.gradients(
            list(outputs), list(tensors), grad_ys=list(upstream), stop_gradients=list(inputs)
        )
        return [_dense(gradient) for gradient in gradients]


def _dense(gradient: Any) -> Any:
    # The gradient of an embedding has only the rows that were looked up.
    if type(gradient).__name__ == "IndexedSlices":
        import tensorflow

        return tensorflow.convert_to_tensor(gradient)
    return gradient
