"""A connection to the container engine. The one module that imports ``docker``.

Every answer is a plain value, every failure an ``EngineError``.
"""

import contextlib
import math
import os
from collections.abc import Iterator
from typing import Any, TypeVar

import docker
import docker.errors
import docker.utils
from docker.context import ContextAPI

from keras_matrix.engine import facts, faults
from keras_matrix.engine.patience import Patience
from keras_matrix.errors import ImageNotFoundError

LONG_CALL_SECONDS = 3600
"""Seconds that a build or a pull may be silent; ``Patience`` bounds every other call."""
ABANDONED_CALL_SECONDS = 10
"""Seconds after the longest wait at which the SDK ends a call that was abandoned."""

Self = TypeVar("Self", bound="Connection")


@contextlib.contextmanager
def explained_errors() -> Iterator[None]:
    """Turn an error of the SDK into an error of one sentence."""
    with faults.explained_transport_errors():
        try:
            yield
        except docker.errors.ImageNotFound as error:
            raise ImageNotFoundError(f"No such image ({faults.reason(error)}).") from error
        except docker.errors.APIError as error:
            raise faults.refusal(error) from error
        except docker.errors.DockerException as error:
            raise faults.silence(error) from error


class Connection:
    """A connection to the container engine; ``patience`` bounds how long each answer is waited for.

    Methods that take ``seconds`` wait no longer than that for an answer.
    """

    _bounded = faults.bounded(lambda connection: connection._patience, explained_errors)

    def __init__(self, client: docker.DockerClient, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    @classmethod
    def connect(
        cls: type[Self], patience: Patience | None = None, seconds: float | None = None
    ) -> Self:
        """Connect by DOCKER_HOST, by docker's current context, or by the default socket.

        ``seconds`` is the longest wait for an answer; the default is that of ``patience``.

        Raises:
            EngineError: no engine answers.
        """
        patience = patience or Patience()
        timeout = math.ceil(patience.wait) + ABANDONED_CALL_SECONDS
        return cls(patience.call(lambda: cls._dial(timeout), seconds), patience)

    @staticmethod
    def _dial(timeout: int) -> docker.DockerClient:
        with explained_errors():
            # The order of docker's own command: DOCKER_HOST, then the context.
            if os.environ.get("DOCKER_HOST"):
                address = docker.utils.kwargs_from_env()
            else:
                address = ContextAPI.kwargs_from_context()
            client = docker.DockerClient(timeout=timeout, version="auto", **address)
            try:
                client.ping()
            except BaseException:
                client.close()
                raise
        return client

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @_bounded
    def ping(self, *, seconds: float | None = None) -> None:
        """Check that the engine answers."""
        self._client.ping()

    @_bounded
    def facts(self) -> facts.EngineFacts:
        """Request what the engine is and what it can do."""
        return facts.parse(self._client.info(), self._client.version())

    @contextlib.contextmanager
    def _long_timeout(self) -> Iterator[Any]:
        """Yield the API with a long time-out: builds and pulls are silent for minutes."""
        api = self._client.api
        usual_timeout = api.timeout
        api.timeout = LONG_CALL_SECONDS
        try:
            yield api
        finally:
            api.timeout = usual_timeout
