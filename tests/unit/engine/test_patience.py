"""How long an engine that does not answer is waited for."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from keras_matrix import interrupts
from keras_matrix.engine import patience
from keras_matrix.engine.client import Engine
from keras_matrix.engine.faults import explained_transport_errors, refusal
from keras_matrix.engine.patience import Patience
from keras_matrix.errors import (
    ConfigurationError,
    EngineError,
    EngineHangsError,
    EngineSilentError,
    InterruptedRunError,
)
from keras_matrix.interrupts import Interrupts

Result = TypeVar("Result")


@pytest.fixture
def never() -> Iterator[Callable[[], None]]:
    """Yield work that does not end within a test."""
    stop = threading.Event()

    def work() -> None:
        stop.wait(60)

    yield work
    stop.set()


def refuse() -> None:
    raise EngineSilentError("It is down.")


def bounded_request(patience: Patience, work: Callable[[], Result]) -> Callable[[float], Result]:
    """Return a request that does work in a bounded call, as a method of the engine does."""
    return lambda seconds: patience.call(work, seconds)


def test_an_answer_is_returned() -> None:
    assert Patience(wait=60).call(lambda: 42) == 42


def test_an_error_is_raised_for_the_caller() -> None:
    with pytest.raises(EngineSilentError, match="down"):
        Patience(wait=60).call(refuse)


def test_a_call_without_an_answer_is_abandoned(never: Callable[[], None]) -> None:
    with pytest.raises(EngineHangsError, match="does not answer"):
        Patience(wait=0.01).call(never)


def test_a_call_may_have_less_time(never: Callable[[], None]) -> None:
    with pytest.raises(EngineHangsError):
        Patience(wait=60).call(never, 0.01)


def test_a_method_of_the_engine_waits_once_and_no_longer_than_its_caller_says(
    never: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = 0

    def start(work: Callable[[], Result]) -> "Future[Result]":
        nonlocal threads
        threads += 1
        return interrupts.start(work)

    monkeypatch.setattr(patience, "start", start)
    client: Any = SimpleNamespace(ping=never)
    engine = Engine(client, Patience(wait=60))
    with pytest.raises(EngineHangsError):
        engine.ping(seconds=0.01)
    assert threads == 1


def test_a_request_to_stop_bounds_all_calls(
    never: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(patience, "HANGING_ENGINE_SECONDS", 0.01)
    stop = Interrupts()
    waiting = Patience(stop, wait=600)
    began = time.monotonic()
    threading.Timer(0.05, lambda: stop.request(signal.SIGINT)).start()
    for _ in range(3):
        with pytest.raises(EngineHangsError):
            waiting.call(never)
    assert time.monotonic() - began < 30
    # An engine that answers still removes the containers that are left.
    assert waiting.call(lambda: 42) == 42


def test_an_engine_that_comes_back_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(patience, "SILENCE_NOTICE_SECONDS", 0.0)
    lines: list[str] = []
    attempts = iter(range(4))

    def answer_at_last() -> int:
        attempt = next(attempts)
        if attempt < 3:
            refuse()
        return attempt

    waiting = Patience(say=lines.append, wait=60)
    assert waiting.until_answers(bounded_request(waiting, answer_at_last)) == 3
    assert lines == ["waiting for the container engine"]


def test_an_engine_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.001)
    waiting = Patience(wait=0.01)
    with pytest.raises(EngineSilentError, match=r"not answered for 0\.01 s; start it"):
        waiting.until_answers(bounded_request(waiting, refuse))


def test_an_engine_that_was_given_up_is_not_waited_for_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.001)
    waiting = Patience(wait=0.01)
    requests = 0

    def count_and_refuse() -> None:
        nonlocal requests
        requests += 1
        refuse()

    for _ in range(2):
        with pytest.raises(EngineSilentError):
            waiting.until_answers(bounded_request(waiting, count_and_refuse))
    before = requests
    with pytest.raises(EngineSilentError):
        waiting.until_answers(bounded_request(waiting, count_and_refuse))
    assert requests == before + 1


def test_a_request_to_stop_ends_the_waiting() -> None:
    stop = Interrupts()
    stop.request(signal.SIGINT)
    waiting = Patience(stop, wait=600)
    with pytest.raises(InterruptedRunError):
        waiting.until_answers(bounded_request(waiting, refuse))


def test_the_environment_sets_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Patience().wait == patience.DEFAULT_WAIT_SECONDS
    monkeypatch.setenv(patience.WAIT_VARIABLE, "2.5")
    assert Patience().wait == 2.5


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_wait_that_is_no_time_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(patience.WAIT_VARIABLE, text)
    with pytest.raises(ConfigurationError, match="KERAS_MATRIX_ENGINE_WAIT"):
        Patience()


@pytest.mark.parametrize(
    "error", [KeyError("Id"), ValueError("no JSON"), TypeError("list"), AttributeError("get")]
)
def test_a_malformed_answer_is_one_sentence(error: Exception) -> None:
    with pytest.raises(EngineError, match="cannot be read") as raised, explained_transport_errors():
        raise error
    assert not isinstance(raised.value, EngineSilentError)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "reset"), BrokenPipeError(), TimeoutError()]
)
def test_a_connection_that_is_cut_is_silence(error: Exception) -> None:
    with pytest.raises(EngineSilentError, match="does not answer"), explained_transport_errors():
        raise error


def test_what_is_full_is_named() -> None:
    """The engine's disk, unless the runtime speaks of what it makes for a container."""
    full = "Error creating: mkdir /var/lib/docker/overlay2/0: no space left on device"
    assert "the container engine stores its data is full" in str(refusal(Exception(full)))
    other = "crun: write: No space left on device: OCI runtime error"
    assert str(refusal(Exception(other))) == f"The container engine refused: {other}"


def test_a_disk_that_is_full_is_not_the_engines_fault() -> None:
    with pytest.raises(OSError, match="No space"), explained_transport_errors():
        raise OSError(28, "No space left on device")
