"""What goes wrong between this process and the engine, as one sentence each."""

import contextlib
import errno
import functools
import http.client
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar

import requests.exceptions
import urllib3.exceptions

from keras_matrix.engine.patience import Patience
from keras_matrix.errors import EngineError, EngineSilentError

MALFORMED_ANSWER_ERRORS = (
    requests.exceptions.InvalidJSONError,
    requests.exceptions.ContentDecodingError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the SDK, or the code that reads its answers, raises for an answer of another form."""
CONNECTION_ERRORS = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)
"""What the SDK raises for a connection that cannot be made, or ends too early."""
RUNTIME_ERROR = "OCI runtime"
"""What an engine's message holds if not the engine failed but the program that starts containers:
``OCI runtime create failed`` (Docker), ``OCI runtime error`` (Podman)."""
MAX_REASON_LENGTH = 400
"""Characters of an error's own text that are quoted."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Self = TypeVar("Self")


@contextlib.contextmanager
def explained_transport_errors() -> Iterator[None]:
    """Turn the errors of a malformed answer, or of a cut connection, into one sentence."""
    try:
        yield
    except MALFORMED_ANSWER_ERRORS as error:
        raise EngineError(
            f"The container engine's answer cannot be read ({type(error).__name__}: "
            f"{reason(error)}); read the engine's log, or restart the engine."
        ) from error
    except CONNECTION_ERRORS as error:
        raise silence(error) from error


def silence(error: BaseException) -> EngineSilentError:
    """Return the error to raise for an engine that does not answer."""
    return EngineSilentError(
        f"The container engine does not answer ({reason(error)}); "
        "start it, or run 'keras-matrix doctor' for the command."
    )


def refusal(error: BaseException) -> EngineError:
    """Return the error to raise for an engine that answers with a refusal."""
    text = reason(error)
    no_space = os.strerror(errno.ENOSPC).lower() in text.lower()
    # The runtime says the same of a file system in memory, a control group or a quota.
    if no_space and RUNTIME_ERROR not in text:
        return EngineError(
            "The disk on which the container engine stores its data is full; free space there "
            "('docker system df' lists what uses it)."
        )
    return EngineError(f"The container engine refused: {text}")


def stream_error(event: Mapping[str, Any]) -> str:
    """Return the error that a line of a build, a pull or a load tells, empty if it tells none.

    Docker 29 deprecates the field ``error``, which says the same as ``errorDetail``.
    """
    detail = event.get("errorDetail")
    message = detail.get("message") if isinstance(detail, Mapping) else None
    return str(message or event.get("error") or "").strip()


def status(error: EngineError) -> int | None:
    """Return the status of the engine's answer that was no success; None if it gave none."""
    number = getattr(error.__cause__, "status_code", None)
    return number if isinstance(number, int) else None


def reason(error: BaseException) -> str:
    """Return an error's own text, in one line."""
    text = str(getattr(error, "explanation", None) or error)
    return " ".join(text.split())[:MAX_REASON_LENGTH]


def bounded(
    patience: Callable[[Any], Patience],
    explained_errors: Callable[[], AbstractContextManager[None]],
) -> Callable[
    [Callable[Concatenate[Self, Parameters], Result]],
    Callable[Concatenate[Self, Parameters], Result],
]:
    """Decorate methods that send the engine a request: a call without an answer is abandoned.

    A method may have a keyword ``seconds``: how long to wait at most, instead of the time that
    the patience allows.

    ``patience`` returns the patience of a method's object; in ``explained_errors``, errors of the
    SDK turn into sentences.
    """

    def decorate(
        method: Callable[Concatenate[Self, Parameters], Result],
    ) -> Callable[Concatenate[Self, Parameters], Result]:
        @functools.wraps(method)
        def call(self: Self, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            def work() -> Result:
                with explained_errors():
                    return method(self, *args, **kwargs)

            seconds = kwargs.get("seconds")
            return patience(self).call(work, seconds if isinstance(seconds, float) else None)

        return call

    return decorate
