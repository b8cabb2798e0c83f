"""TensorFlow 1, as Keras 2 uses it: graphs and sessions."""

from typing import Any, Sequence

from .base import Backend, Gradients


class TensorFlow(Backend):
    """TensorFlow under Keras 2."""

    name = "tensorflow"
    variables = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_CPP_MIN_LOG_LEVEL")

    def seed(self, seed: int) -> None:
        """Seed the default graph: TensorFlow 1 has a seed of its own for each graph."""
        import tensorflow

        compat = getattr(tensorflow, "compat", None)
        (compat.v1 if compat is not None else tensorflow).set_random_seed(seed)

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
