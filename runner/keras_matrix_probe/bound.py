"""Tell a script that is bound to another backend from one that is wrong."""

from typing import Optional

PACKAGES = {
    "tensorflow": "tensorflow",
    "theano": "theano",
    "cntk": "cntk",
    "mxnet": "mxnet",
    "plaidml": "plaidml",
    "torch": "torch",
    "jax": "jax",
}
"""Top-level package to the backend it belongs to."""


def bound_to(failure: BaseException, backend: str) -> Optional[str]:
    """Return what a failure is bound to, None where it is no sign of a foreign backend.

    Signs: the package of another backend is imported; Keras's backend module lacks a name (each
    backend has some of its own, such as TensorFlow's ``set_session``) or does not implement one.
    """
    if isinstance(failure, ImportError):
        package = (failure.name or "").split(".")[0]
        if package in PACKAGES and PACKAGES[package] != backend:
            return "the package %s" % package
        if (failure.name or "").startswith("keras.backend"):
            return "keras.backend of another backend"
    if isinstance(failure, AttributeError) and failure.args:
        text = str(failure.args[0])
        if "module 'keras.backend" in text:
            return text.rpartition("has no attribute ")[2].strip("'") + " of keras.backend"
    if isinstance(failure, NotImplementedError) and _raised_by_backend(failure):
        return "what the %s backend does not implement" % backend
    return None


def _raised_by_backend(failure: BaseException) -> bool:
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return name.startswith("keras.backend") or name.split(".")[0] in PACKAGES
