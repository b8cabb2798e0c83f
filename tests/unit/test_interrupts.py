import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from keras_matrix.errors import (
    EngineError,
    ExitCode,
    HungUpRunError,
    InterruptedRunError,
    TerminatedRunError,
)
from keras_matrix.interrupts import Interrupts, installed


def never() -> None:
    raise AssertionError("abandoned")


def test_a_result_is_handed_over() -> None:
    assert Interrupts().result_of(lambda: 42, abandon=never) == 42


def test_work_does_not_run_in_the_thread_that_waits() -> None:
    assert Interrupts().result_of(threading.get_ident, abandon=never) != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_what_work_raises_is_raised(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        Interrupts().result_of(work, abandon=never)
    assert raised.value is error


def test_work_is_abandoned_on_request() -> None:
    interrupts = Interrupts()
    stop = threading.Event()
    interrupts.request(signal.SIGINT)
    with pytest.raises(InterruptedRunError):
        interrupts.result_of(stop.wait, abandon=stop.set)
    assert stop.is_set()


def test_without_a_request_work_goes_on() -> None:
    interrupts = Interrupts()
    interrupts.check()
    assert not interrupts.requested
    assert not interrupts.wait(0)


def test_the_first_request_counts() -> None:
    interrupts = Interrupts()
    interrupts.request(signal.SIGTERM)
    interrupts.request(signal.SIGINT)
    assert interrupts.requested
    assert interrupts.wait(60)
    with pytest.raises(TerminatedRunError) as raised:
        interrupts.check()
    assert raised.value.exit_code is ExitCode.TERMINATED


@pytest.fixture
def not_ignored(number: signal.Signals) -> Iterator[None]:
    """Let a signal arrive that the caller of the tests may have set to be ignored."""
    before = signal.signal(number, signal.default_int_handler)
    yield
    signal.signal(number, before)


@pytest.mark.usefixtures("not_ignored")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_real_signal_is_a_request(
    number: signal.Signals, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    interrupts = Interrupts()
    with installed(interrupts):
        os.kill(os.getpid(), number)
        assert interrupts.wait(10)
        os.kill(os.getpid(), number)
        assert interrupts.requested
    said = capfd.readouterr().err
    assert said.index("Stopping") < said.index("Still removing")
    assert signal.getsignal(number) is before
    with pytest.raises(InterruptedRunError) as raised:
        interrupts.check()
    assert raised.value.exit_code == code


PAIRS = 200
MAX_GAP_SECONDS = 150e-6
RECEIVER = """
    import sys, threading, time
    from keras_matrix.interrupts import Interrupts, installed

    def work(interrupts):
        while not interrupts.wait(0.005):
            pass

    for line in sys.stdin:
        interrupts, shown = Interrupts(), []
        # As in a run: cells in threads, for which the main thread waits.
        cells = [threading.Thread(target=work, args=(interrupts,)) for _ in range(2)]
        with installed(interrupts, shown.append):
            for cell in cells:
                cell.start()
            print("ready", flush=True)
            for cell in cells:
                cell.join()
            while len(shown) < 2:
                time.sleep(0.0001)
    print("woken each time")
"""


def test_two_signals_at_once_never_hang() -> None:
    """A second handler can run within the first one's, and none while the main thread waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RECEIVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # A reader of a process that hangs would hang, too.
    deadline = threading.Timer(30, process.kill)
    deadline.start()
    try:
        for pair in range(PAIRS):
            process.stdin.write("next\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n", f"it hung at pair {pair}"
            # Most of the time it waits by then.
            time.sleep(0.002)
            os.kill(process.pid, signal.SIGINT)
            sent = time.perf_counter()
            while time.perf_counter() - sent < MAX_GAP_SECONDS * pair / PAIRS:
                pass
            os.kill(process.pid, signal.SIGTERM)
        process.stdin.close()
        assert process.stdout.read() == "woken each time\n", "it hung at the last pair"
    finally:
        deadline.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def test_handlers_are_restored_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="within"), installed(Interrupts()):
        raise ValueError("within")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_sighup_is_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts = Interrupts()
        with installed(interrupts):
            os.kill(os.getpid(), signal.SIGHUP)
        assert not interrupts.requested
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_leftovers_are_reported() -> None:
    interrupts = Interrupts()
    interrupts.request(signal.SIGHUP)
    interrupts.note_leftovers()
    with pytest.raises(HungUpRunError, match=r"SIGHUP, but .* does not answer: containers may be"):
        interrupts.check()


def test_a_request_goes_before_what_the_engine_failed_at_after_it() -> None:
    interrupts = Interrupts()
    with pytest.raises(EngineError), interrupts.before_engine_errors():
        raise EngineError("no")
    interrupts.request(signal.SIGINT)
    with pytest.raises(InterruptedRunError), interrupts.before_engine_errors():
        raise EngineError("no")


def test_a_closed_output_is_no_error() -> None:
    """A process of its own: its stderr is a pipe without a reader."""
    code = (
        "import os; from keras_matrix.interrupts import drop_closed_output, write_line; "
        "write_line('a'); drop_closed_output(); os.write(2, b'b')"
    )
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stderr=write)
    os.close(read)
    os.close(write)
    assert process.wait(timeout=60) == 0
