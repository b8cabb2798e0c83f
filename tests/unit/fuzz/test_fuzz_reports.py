"""Comparing and reporting whatever cells may have told."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keras_matrix.plan.cells import Caps, Cell, Limits
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Observation
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.suite_events import SuiteLog
from keras_matrix.run.cell.outcome import Ending, judge, limits_seen, mismatch
from keras_matrix.text import last_lines, printable
from tests.unit.fuzz import targets as fuzz_targets
from tests.unit.fuzz.strategies import json_of, texts
from tests.unit.records.builders import record, run_folder

IMAGES = ("tf", "theano")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


names = st.sampled_from(["fit", "fit#2", "evaluate", "predict"]) | texts(longest=4096)
finished = st.sampled_from([True, True, True, False])


def _same(plain: Any) -> Any:
    """Give calls of all cells the same few names, so that there is something to compare."""
    for one in plain["calls"]:
        one["finished"] = one.get("finished", True)
        one["name"] = one["name"] if len(one["name"]) > 40 else f"fit#{len(one['name']) % 3}"
        for name in list(one.get("metrics", {}))[:1]:
            one["metrics"]["loss"] = one["metrics"][name]
    return plain


def _told(plain: Any) -> Observation:
    return msgspec.convert(plain, Observation)


# A cell's stream holds no more than this, and no lone call.
observations = json_of(Observation).map(lambda plain: {"calls": [], **plain}).map(_same).map(_told)


@st.composite
def records(draw: st.DrawFn, *, tests: bool = False) -> list[Record]:
    """Return what cells of two images recorded, as ``run_cell`` makes it of what they told."""
    found = []
    log = draw(texts(longest=4096))
    seeds: list[int | None] = (
        [None] if tests else draw(st.sampled_from([[None], [0, 1], [0, 1, 2]]))
    )
    for image in IMAGES:
        for seed in seeds:
            observation = draw(observations)
            if not tests:
                observation.suite = SuiteLog()
            cell = Cell(image, seed=seed)
            code = draw(st.sampled_from([0, 0, 0, 1, 137]))
            ending = Ending(exit_code=code, reported=True)
            wrong = ""
            if observation.environment is not None:
                mismatch(cell, "theano", {"keras": "2.3.1"}, observation.environment)
                limits_seen(observation.environment, Limits(), (0,))
            judged = judge(ending, observation, "", Limits(), wrong, Caps())
            outcome = draw(st.sampled_from([judged.outcome, Outcome.OK, Outcome.OK]))
            made = record(
                cell,
                outcome=outcome,
                reason="" if outcome is Outcome.OK else printable(judged.reason) or "no reason",
                notes=tuple(map(printable, observation.notes)),
                log_tail=last_lines(log),
            )
            found.append(replace(made, observation=observation))
    return found


def on_disk(folder: Path, found: list[Record]) -> RunFolder:
    shutil.rmtree(folder / "a-run", ignore_errors=True)
    return run_folder(folder / "a-run", found)


@given(records())
def test_any_comparison(folder: Path, found: list[Record]) -> None:
    fuzz_targets.comparison_reports(on_disk(folder, found))


@given(records(tests=True))
def test_any_suite(folder: Path, found: list[Record]) -> None:
    fuzz_targets.suite_reports(on_disk(folder, found))


# A page takes long: so would looking for the smallest run that it fails for.
@settings(max_examples=max(3, settings().max_examples // 10), phases=[Phase.generate])
@given(records())
def test_any_page(folder: Path, found: list[Record]) -> None:
    fuzz_targets.page(on_disk(folder, found))
