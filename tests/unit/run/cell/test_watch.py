"""How far a cell is, from the events that it writes as it runs."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.run.cell.watch import MAX_COUNT, EventReader, Seen, StageFile, Watch
from tests.unit.records.builders import ENVIRONMENT

FIT = {"event": "call_start", "id": 1, "kind": "fit", "name": "fit", "model": "m", "site": "?"}
EVALUATE = {**FIT, "id": 2, "kind": "evaluate", "name": "evaluate"}
START = {"event": "start", "protocol": 1}
BEGIN = {"event": "train_begin", "id": 1, "params": {"epochs": 5, "batch_size": 32}}
BATCH = {"event": "first_batch", "id": 1, "seconds": 2.0, "compiled": 0}


def epoch(number: int, seconds: float = 1.0, call: int = 1, **metrics: object) -> dict[str, Any]:
    return {
        "event": "epoch",
        "id": call,
        "epoch": number,
        "seconds": seconds,
        "metrics": metrics or {"loss": 0.5},
    }


def end(call: int) -> dict[str, Any]:
    return {
        "event": "call_end",
        "id": call,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "metrics": {"loss": 9.0},
        "params": {},
        "arrays": [],
    }


def compiled(modules: int) -> dict[str, Any]:
    return {"event": "compiled", "modules": modules}


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def seen(*events: dict[str, Any], compiles: bool = False) -> Seen:
    reader = EventReader(compiles=compiles)
    for event in events:
        reader.take(json.dumps(event).encode())
    return reader.seen


def test_the_number_of_epochs_is_known_before_the_first_ends() -> None:
    found = seen(START, {"event": "environment", **ENVIRONMENT}, FIT, BEGIN)
    assert found == Seen(call="fit", training="fit", epochs=5)


def test_an_epoch_comes_with_its_metrics_the_loss_first_and_the_time_of_the_others() -> None:
    first = seen(FIT, BEGIN, BATCH, epoch(0, 9.0, val_loss=0.7, acc=0.4, loss=0.6))
    assert (first.epoch, first.epochs, first.left) == (1, 5, 36.0)
    assert first.metrics == (("loss", 0.6), ("val_loss", 0.7))
    # Of an epoch most of which the first batch took nothing follows for the others.
    assert seen(FIT, BEGIN, BATCH, epoch(0, 3.0)).left is None
    assert seen(FIT, BEGIN, BATCH, epoch(0, 3.0), epoch(1, 0.5)).left == 1.5
    # Once there is another one, the first does not count.
    assert seen(FIT, BEGIN, epoch(0, 9.0), epoch(1, 2.0), epoch(2, 4.0)).left == 6.0
    assert seen(FIT, BEGIN, *(epoch(number) for number in range(5))).left == 0.0


def test_without_the_number_of_epochs_there_is_no_time_left() -> None:
    assert seen(FIT, epoch(0)) == Seen(
        call="fit", training="fit", epoch=1, metrics=(("loss", 0.5),)
    )


def test_what_trained_stays_while_other_calls_are_under_way() -> None:
    trained = seen(FIT, BEGIN, epoch(4), end(1))
    assert (trained.call, trained.training, trained.epoch) == ("", "fit", 5)
    now = seen(FIT, BEGIN, epoch(4), end(1), EVALUATE)
    assert (now.call, now.training, now.epoch, now.metrics) == (
        "evaluate",
        "fit",
        5,
        trained.metrics,
    )
    assert seen(FIT, BEGIN, epoch(4), end(1), EVALUATE, end(2)) == trained


def test_the_next_training_begins_from_nothing() -> None:
    again = {**FIT, "id": 3, "name": "fit#2"}
    found = seen(FIT, BEGIN, epoch(0), epoch(1), end(1), again, compiles=True)
    assert found == Seen(call="fit#2", training="fit#2", warm=True)
    # What the first one says belatedly is not the second one's.
    assert seen(FIT, BEGIN, again, epoch(1)).epoch == 0


def test_calls_on_batches_are_counted() -> None:
    loop = {**FIT, "kind": "train_on_batch", "name": "train_on_batch"}
    batches = {"event": "batches", "id": 1, "calls": 70, "seconds": 2.0, "metrics": {"loss": "nan"}}
    found = seen(loop, {**batches, "calls": 1}, batches)
    assert (found.call, found.training, found.batches) == ("", "train_on_batch", 70)
    assert [(name, math.isnan(value)) for name, value in found.metrics] == [("loss", True)]


def test_the_tests_of_a_suite_are_counted_whatever_they_train() -> None:
    suite = {"event": "suite", "pytest": "6.2.5", "collected": 10, "deselected": 2}
    ended = {"event": "case_end", "test": "a", "phase": "call", "message": "", "place": ""}
    passed, failed = ({**ended, "outcome": word, "seconds": 2.0} for word in ("passed", "failed"))
    unread = {**failed, "phase": "collect"}
    found = seen(unread, suite, FIT, BEGIN, epoch(0), passed, failed, compiled(3), compiles=True)
    assert (found.tested, found.tests, found.left) == (2, 10, 16.0)
    assert (found.epochs, found.metrics, found.compiled) == (None, (), 3)
    assert seen(suite, compiled(3), passed, compiles=True).compiling is False


def test_cold_or_warm() -> None:
    assert seen(FIT, BEGIN, compiles=True).warm is None
    assert seen(FIT, BEGIN, BATCH, compiles=True).warm is True
    cold = seen(compiled(1), FIT, BEGIN, compiled(2), compiles=True)
    assert (cold.compiled, cold.compiling, cold.warm) == (2, True, False)
    done = seen(FIT, compiled(2), BATCH, compiles=True)
    assert (done.compiled, done.compiling, done.warm) == (2, False, False)
    late = seen(FIT, BATCH, end(1), EVALUATE, compiled(1), compiles=True)
    assert (late.compiled, late.compiling, late.warm) == (1, True, False)


def test_a_backend_that_compiles_nothing_is_neither_cold_nor_warm() -> None:
    found = seen(compiled(2), FIT, BEGIN, BATCH, epoch(0))
    assert (found.compiled, found.compiling, found.warm) == (0, False, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"junk",
        b"[" * 60_000,
        b'{"event": "\xff\xfe"}',
        b'{"event": "unheard of"}',
        b'{"event": "epoch", "id": 1}',
        json.dumps(epoch(-1)).encode(),
        json.dumps(epoch(10**30)).encode(),
        json.dumps(epoch(MAX_COUNT)).encode(),
        json.dumps({**BEGIN, "params": {"epochs": 10**30}}).encode(),
        json.dumps({**BEGIN, "params": {"epochs": -1}}).encode(),
        json.dumps(epoch(0, call=7)).encode(),
        json.dumps(compiled(10**30)).encode(),
    ],
)
def test_what_makes_no_sense_is_passed_over(line: bytes) -> None:
    reader = EventReader(compiles=False)
    for one in lines(FIT, BEGIN, epoch(1)).splitlines():
        reader.take(one)
    before = reader.seen
    reader.take(line)
    assert reader.seen == before


def test_an_impossible_time_is_not_reported() -> None:
    assert seen(FIT, BEGIN, epoch(0, 1e308)).left is None
    assert seen(FIT, BEGIN, epoch(0, -5.0)).left is None
    assert seen(FIT, BEGIN, epoch(0, 1.0), epoch(1, -5.0)).epoch == 1


def test_a_name_is_one_short_printable_line() -> None:
    hostile = "\x1b[2J\x1b]0;title\x07lo\nss\u202e" + "x" * 4000
    found = seen({**FIT, "name": hostile}, {**epoch(0), "metrics": {hostile: 1.0}})
    ((name, _),) = found.metrics
    assert name == found.training == "lo ss" + "x" * 27


def test_progress_is_notified_as_it_is_written(tmp_path: Path) -> None:
    notified: list[Seen] = []
    watch = Watch(tmp_path, notified.append, compiles=False)
    watch.update()
    assert notified == []
    with (tmp_path / "events.jsonl").open("wb", buffering=0) as file:
        file.write(lines(START)[:-5])
        watch.update()
        assert notified == []
        file.write(lines(START)[-5:])
        watch.update()
        watch.update()
        assert notified == [Seen()]
        file.write(lines(FIT, BEGIN, epoch(0)) + b"junk\n")
        watch.update()
        file.write(b"more junk\n")
        watch.update()
    assert [seen.epoch for seen in notified] == [0, 1]


def test_a_fifo_does_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    notified: list[Seen] = []
    Watch(tmp_path, notified.append, compiles=False).update()
    assert notified == []


def test_a_trace_tells_its_stages_until_the_training_begins(tmp_path: Path) -> None:
    notified: list[Seen] = []
    stages = StageFile(("trace", "index"), lambda line: line.decode() if line != b"-" else None)
    watch = Watch(tmp_path, notified.append, compiles=False, stages=stages)
    (tmp_path / "trace").mkdir()
    events, index = tmp_path / "events.jsonl", tmp_path / "trace" / "index"
    events.write_bytes(lines(FIT))
    index.write_bytes(b"weights\nforward\n-\n")
    watch.update()
    index.write_bytes(b"weights\nforward\n-\n-\n")
    watch.update()
    events.write_bytes(lines(FIT, BEGIN))
    watch.update()
    events.write_bytes(lines(FIT, BEGIN, BATCH))
    watch.update()
    stages_and_epochs = [(seen.stage, seen.epochs) for seen in notified]
    assert stages_and_epochs == [("forward", None), ("forward", 5), ("", 5)]
