"""How the end of a cell is recognized while the engine is silent."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.engine.answers import ContainerState
from keras_matrix.engine.client import Engine
from keras_matrix.engine.patience import Patience
from keras_matrix.errors import EngineError, EngineHangsError, EngineSilentError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.contract import ENDED_FILE
from keras_matrix.run.cell import wait
from keras_matrix.run.cell.disk import CELL_BOUNDS, DiskUse
from keras_matrix.run.cell.outcome import Ending
from keras_matrix.run.cell.wait import Wait

RUNNING = ContainerState(running=True, exit_code=0, out_of_memory=False, error="")
KILLED = ContainerState(running=False, exit_code=137, out_of_memory=False, error="")
LEFT = ContainerState(running=False, exit_code=0, out_of_memory=False, error="")
WORD = "a secret of the probe"
DOWN, HANGS = EngineSilentError("It is down."), EngineHangsError("It hangs.")

Answer = ContainerState | EngineError | Callable[[], ContainerState] | None


class FakeEngine(Engine):
    """Gives the listed answers, the last of them again and again."""

    def __init__(self, *answers: Answer, kills: bool = True) -> None:
        self.answers = list(answers)
        self.kills = kills

    def state(self, container: str, *, seconds: float | None = None) -> ContainerState | None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EngineError):
            raise answer
        return answer() if callable(answer) else answer

    def kill(self, container: str, *, seconds: float | None = None) -> None:
        if not self.kills:
            raise HANGS


class NoWatch:
    """A watch that reads nothing."""

    def update(self) -> None:
        pass


class Bench:
    """A cell that is waited for."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.interrupts = Interrupts()

    def end(self, engine: Engine, *, timeout: float = 60.0, patience: float = 60.0) -> Ending:
        watch: Any = NoWatch()
        waiting = Wait(
            engine=engine,
            interrupts=self.interrupts,
            patience=Patience(self.interrupts, wait=patience),
            container="c",
            output=self.output,
            word=WORD,
            disk=DiskUse(self.output, CELL_BOUNDS),
            timeout=timeout,
        )
        return waiting.end(watch)

    def report(self) -> ContainerState:
        """Report as the probe does."""
        report = {"exit_code": 0, "word": WORD, "environment": None, "changed": []}
        (self.output / ENDED_FILE).write_text(json.dumps(report))
        return RUNNING


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(wait, "STATE_SECONDS", 0.0)
    return Bench(tmp_path)


def test_a_cell_ends_well_while_the_engine_is_silent(bench: Bench) -> None:
    bench.report()
    assert bench.end(FakeEngine(DOWN)).reported


def test_a_silence_that_ends_does_no_harm(bench: Bench) -> None:
    assert bench.end(FakeEngine(DOWN, EngineError("500"), HANGS, RUNNING, bench.report)).reported


def test_a_silence_that_does_not_end_is_an_error(bench: Bench) -> None:
    with pytest.raises(EngineError, match="down"):
        bench.end(FakeEngine(DOWN), patience=0.01)


def test_a_container_that_ended_is_a_result(bench: Bench) -> None:
    assert bench.end(FakeEngine(RUNNING, KILLED)).exit_code == 137
    assert bench.end(FakeEngine(RUNNING, None)).gone


def test_the_probe_tells_of_a_lack_of_memory_that_the_engine_does_not(bench: Bench) -> None:
    starved = ContainerState(running=False, exit_code=100, out_of_memory=False, error="")
    ended = bench.end(FakeEngine(RUNNING, starved))
    assert (ended.exit_code, ended.out_of_memory) == (137, True)
    assert not bench.end(FakeEngine(RUNNING, KILLED)).out_of_memory


@pytest.mark.parametrize("end", [KILLED, None])
def test_a_container_that_went_down_with_the_engine_is_no_result(
    end: ContainerState | None, bench: Bench
) -> None:
    with pytest.raises(EngineError, match="ended while the engine did not answer"):
        bench.end(FakeEngine(RUNNING, DOWN, end))


def test_a_container_that_outlived_a_silence_is_a_result(bench: Bench) -> None:
    assert bench.end(FakeEngine(DOWN, RUNNING, KILLED)).exit_code == 137


def test_a_container_that_lost_its_connection_is_no_result(bench: Bench) -> None:
    with pytest.raises(EngineError, match="cut the connection"):
        bench.end(FakeEngine(LEFT))


def test_the_time_out_holds_while_the_engine_hangs(bench: Bench) -> None:
    ending = bench.end(FakeEngine(HANGS, kills=False), timeout=0.02)
    assert (ending.timed_out, ending.out_of_reach) == (True, True)
    assert bench.end(FakeEngine(RUNNING), timeout=0.02) == Ending(exit_code=None, timed_out=True)


def test_a_cell_whose_engine_is_down_does_not_time_out(bench: Bench) -> None:
    with pytest.raises(EngineError, match="down"):
        bench.end(FakeEngine(DOWN), timeout=0.02)


def test_a_request_to_stop_counts_while_the_engine_is_silent(bench: Bench) -> None:
    bench.interrupts.request(signal.SIGINT)
    for answer in (DOWN, HANGS, RUNNING):
        ending = bench.end(FakeEngine(answer, kills=False))
        assert (ending.interrupted, ending.timed_out) == (True, False)
