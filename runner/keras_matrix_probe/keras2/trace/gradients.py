"""Gradients on either backend, None where nothing connects.

``K.gradients`` raises on Theano for what the loss does not depend on (``T.grad``, tag rel-1.0.4).
"""

from typing import Any, List, Optional, Sequence

Gradients = List[Optional[Any]]


def of_loss(backend: Any, loss: Any, wrt: Sequence[Any]) -> Gradients:
    """Return the gradients of a scalar.

    Raises:
        NotImplementedError: for other backends than TensorFlow and Theano.
    """
    if not wrt:
        return []
    if backend.backend() == "theano":
        import theano.tensor

        return _named_theano(
            theano.tensor.grad(
                loss, list(wrt), disconnected_inputs="ignore", return_disconnected="None"
            )
        )
    tensorflow = _tensorflow(backend)
    return [_dense(one) for one in tensorflow.gradients(loss, list(wrt))]


def through(
    backend: Any,
    outputs: Sequence[Any],
    upstream: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any],
) -> Gradients:
    """Return what arrives at a layer's inputs and weights of the gradients by its outputs.

    What the inputs depend on among themselves is not looked at.

    Raises:
        NotImplementedError: for other backends than TensorFlow and Theano.
    """
    wrt = [*inputs, *weights]
    if not wrt or not outputs:
        return []
    if backend.backend() == "theano":
        import theano.tensor

        return _named_theano(
            theano.tensor.grad(
                None,
                wrt,
                known_grads=dict(zip(outputs, upstream)),
                consider_constant=list(inputs),
                disconnected_inputs="ignore",
                return_disconnected="None",
            )
        )
    tensorflow = _tensorflow(backend)
    found = tensorflow.gradients(
        list(outputs), wrt, grad_ys=list(upstream), stop_gradients=list(inputs)
    )
    return [_dense(one) for one in found]


def _named_theano(found: Any) -> Gradients:
    from theano.gradient import DisconnectedType, NullType

    return [
        None if one is None or isinstance(one.type, (DisconnectedType, NullType)) else one
        for one in found
    ]


def _dense(gradient: Any) -> Any:
    # Of an embedding: only the rows that were looked up.
    if type(gradient).__name__ == "IndexedSlices":
        import tensorflow

        return tensorflow.convert_to_tensor(gradient)
    return gradient


def _tensorflow(backend: Any) -> Any:
    if backend.backend() != "tensorflow":
        raise NotImplementedError("gradients under %s" % backend.backend())
    import tensorflow

    return tensorflow
