"""What goes wrong between this process and the engine, as one sentence each."""

import contextlib
import errno
import functools
import http.client
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar

import requests.exceptions
import urllib3.exceptions

from keras_matrix.engine.patience import Patience
from keras_matrix.errors import EngineError, EngineSilentError

GARBLED = (
    requests.exceptions.InvalidJSONError,
    requests.exceptions.ContentDecodingError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What an SDK, or reading its answers, raises at one that is none."""
CUT = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)
"""What it raises at a connection that cannot be made, or ends too early."""
MOST = 400

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Self = TypeVar("Self")


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Make one sentence of an answer that is none, and of one that does not come."""
    try:
        yield
    except GARBLED as error:
        raise EngineError(
            f"The container engine's answer makes no sense ({type(error).__name__}: "
            f"{reason(error)}); look into its log, or restart it."
        ) from error
    except CUT as error:
        raise silent(error) from error


def silent(error: BaseException) -> EngineSilentError:
    """Return what to say of an engine that does not answer."""
    return EngineSilentError(
        f"The container engine does not answer ({reason(error)}); "
        "start it, or run 'keras-matrix doctor' for the command."
    )


def refused(error: BaseException) -> EngineError:
    """Return what to say of an engine that answers that it will not."""
    text = reason(error)
    if os.strerror(errno.ENOSPC).lower() in text.lower():
        return EngineError(
            "The container engine's own disk is full; make room there ('docker system df' says "
            "what takes it)."
        )
    return EngineError(f"The container engine refused: {text}")


def reason(error: BaseException) -> str:
    """Return an error's own words, in one line."""
    text = str(getattr(error, "explanation", None) or error)
    return " ".join(text.split())[:MOST]


def bounded(
    patience: Callable[[Any], Patience], told: Callable[[], AbstractContextManager[None]]
) -> Callable[
    [Callable[Concatenate[Self, Parameters], Result]],
    Callable[Concatenate[Self, Parameters], Result],
]:
    """Decorate methods that ask the engine: one without an answer is let go.

    A method may have a keyword ``seconds``: how long to wait at most, instead of the patience's
    own time.

    ``patience`` returns an object's, and ``told`` makes sentences of errors.
    """

    def decorate(
        method: Callable[Concatenate[Self, Parameters], Result],
    ) -> Callable[Concatenate[Self, Parameters], Result]:
        @functools.wraps(method)
        def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            def work() -> Result:
                with told():
                    return method(self, *args, **kwargs)

            seconds = kwargs.get("seconds")
            return patience(self).call(work, seconds if isinstance(seconds, float) else None)

        return call

    return decorate
