"""What fuzzing found: each a case in plain words."""

import json
import math
import struct
import zipfile
from pathlib import Path

import numpy
import pytest

from keras_matrix.compare import pairs
from keras_matrix.compare.comparison import Summary, Verdict
from keras_matrix.errors import ConfigurationError, HistoryError
from keras_matrix.history.database import History
from keras_matrix.load import catalog, data_sets, notebook, reported, script, suites, tolerances
from keras_matrix.load.options import parse_seeds
from keras_matrix.load.request import RunOptions, make
from keras_matrix.load.suites import SuiteTarget
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.schedule import PlanRequest, make_plan
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records import arrays, observation
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.report.page.blocks import DataTable
from keras_matrix.report.plots import learning
from keras_matrix.text import printable
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.fuzz.targets import check_sentence
from tests.unit.history.builders import summary
from tests.unit.records.builders import call, record

NAN, INF = math.nan, math.inf
START = b'{"event":"start","protocol":1}\n'


def refused(message: str) -> None:
    check_sentence(message)


# Several seeds, one of which trained to NaN


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ([NAN, 0.5, 0.6], Verdict.INCONCLUSIVE),
        ([INF, 0.5, 0.6], Verdict.INCONCLUSIVE),
        ([NAN] * 3, Verdict.DIFFER),
        ([-INF, INF], Verdict.DIFFER),
        ([1e308, 1e308], Verdict.DIFFER),
    ],
)
def test_a_seed_without_a_finite_loss_is_compared(losses: list[float], verdict: Verdict) -> None:
    records = [
        record(Cell(image, seed=seed), call(metrics={"loss": loss if image == "tf" else 0.5}))
        for image in ("tf", "theano")
        for seed, loss in enumerate(losses)
    ]
    assert verdicts(records) == [verdict]


@pytest.mark.parametrize("losses", [(INF, -INF), (1e308, 1e308)])
def test_repeats_without_a_finite_sum_are_compared(losses: tuple[float, ...]) -> None:
    records = [
        record(Cell(image, seed=seed, repeat=repeat), call(metrics={"loss": loss}))
        for image in ("tf", "theano")
        for seed in (0, 1)
        for repeat, loss in enumerate(losses)
    ]
    assert verdicts(records) == [Verdict.AGREE]


def verdicts(records: list[Record]) -> list[Verdict]:
    found = pairs.compare_images(
        records,
        images=("tf", "theano"),
        planned=[],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="a run",
    )
    return [row.verdict for row in found.rows]


def test_a_median_is_finite_if_the_values_are() -> None:
    assert Summary((1e308, 1.2e308)).median == pytest.approx(1.1e308)
    assert Summary((5e-324,)).median == 5e-324


# Files that users write


@pytest.mark.parametrize(
    "value",
    [
        *("0e400", "1e400", "1e9999999999999999999", "0x" + "f" * 5000, "9" * 5000, "nan"),
        *("[" * 3000, "0." + "9" * 500_000 + "e400"),
    ],
)
def test_a_figure_that_no_number_can_be(tmp_path: Path, value: str) -> None:
    path = tmp_path / "reported.toml"
    path.write_text(
        f'schema = 1\n[[figure]]\nimage = "tf"\nmetric = "a.acc"\nunit = "1"\nvalue = {value}\n'
    )
    with pytest.raises(ConfigurationError) as error:
        reported.load(path)
    refused(str(error.value))


@pytest.mark.parametrize(
    "schema", ["9" * 5000, "0x" + "f" * 5000, "[" * 5000, "a." * 40_000 + "a = 1"]
)
def test_toml_that_takes_forever_or_cannot_be_told(tmp_path: Path, schema: str) -> None:
    for name, load in (("tolerances.toml", tolerances.load), ("images.toml", _catalog)):
        path = tmp_path / name
        path.write_text(f"image = []\nschema = {schema}\n")
        with pytest.raises(ConfigurationError) as error:
            load(path)
        refused(str(error.value))


def _catalog(path: Path) -> catalog.Catalog:
    return catalog.load(path.parent)


def test_a_message_shows_no_control_characters_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tolerances.toml"
    path.write_text('schema = 1\n"\\u001b[31m\\n' + "x" * 100_000 + '" = 1\n')
    with pytest.raises(ConfigurationError) as error:
        tolerances.load(path)
    refused(str(error.value))


def test_a_pattern_is_not_longer_than_a_name() -> None:
    with pytest.raises(ConfigurationError) as error:
        tolerances.parse(["[" * 100_000 + "=1"])
    refused(str(error.value))


def test_a_device_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigurationError, match="larger than") as error:
        tolerances.load(Path("/dev/zero"))
    refused(str(error.value))
    with pytest.raises(ConfigurationError, match="is not a file"):
        script.load(Path("/dev/zero"))


@pytest.mark.parametrize(
    "text", ["tool = 1", 'tool = "pytest"', "a = " + "[" * 3000, "a = " + "9" * 5000]
)
def test_a_pyproject_that_is_none_configures_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert not suites.configures(tmp_path)


def test_names_that_are_too_long_are_not_there() -> None:
    long = "a" * 5000
    with pytest.raises(ConfigurationError) as error:
        script.load(Path(long))
    with pytest.raises(ConfigurationError) as error:
        suites.load(SuiteTarget(long))
    refused(str(error.value))
    with pytest.raises(ConfigurationError, match="is not a folder"):
        data_sets.check(script.Script(Path("a.py"), "a", b"", b""), Path(long))


def test_names_that_are_not_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "\udcff.py"
    path.write_text("import keras\n")
    with pytest.raises(ConfigurationError, match="not UTF-8") as error:
        script.load(path)
    refused(str(error.value))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        suites.load(SuiteTarget(str(tmp_path)))
    given = RunOptions(
        script=Path("a"),
        catalog=Path(),
        results=Path("r"),
        command=("\udcff",),
        arguments=("\udcff",),
    )
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        make(given)
    assert printable("a\udcff") == "a\\udcff"


def test_an_expression_as_deep_as_it_is_long_loads_no_data_set() -> None:
    assert data_sets.loaded_modules(b"a" + b".a" * 900 + b".load_data()") == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"nbformat_minor": None},
        {"nbformat_minor": 10**30},
        {"metadata": {"jupytext": None}},
        {"metadata": {"jupytext": {"text_representation": 1}}},
        {"metadata": {"language_info": {"name": "\x1b[31m" + "r" * 9000}}},
        {"cells": None},
    ],
)
def test_a_notebook_is_converted_or_refused_in_a_sentence(changed: dict[str, object]) -> None:
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": []}
    try:
        notebook.convert("a.ipynb", json.dumps({**whole, **changed}).encode())
    except ConfigurationError as error:
        refused(str(error))


# What is typed


def test_a_matrix_has_an_end() -> None:
    with pytest.raises(ConfigurationError, match="cells are too many") as error:
        make_plan(
            PlanRequest(seeds=range(100_000), repeats=10**9),
            model="m",
            script_sha256="",
            images=("tf",),
        )
    refused(str(error.value))


@pytest.mark.parametrize(
    "options", [{"pids": 10**30}, {"cpus": 1e300}, {"schedule_seed": 2**64}, {"epochs_cap": 10**40}]
)
def test_numbers_that_cannot_be_recorded_are_refused(options: dict[str, float]) -> None:
    given = RunOptions(
        script=Path("a"),
        catalog=Path(),
        results=Path("r"),
        command=(),
        **options,  # type: ignore[arg-type]
    )
    with pytest.raises(ConfigurationError) as error:
        make(given)
    refused(str(error.value))


def test_a_long_option_is_told_in_short() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_seeds("9" * 5000 + "x")
    refused(str(error.value))


def test_a_home_of_nobody_is_a_place_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_engine(tmp_path, monkeypatch)
    monkeypatch.setenv("KERAS_MATRIX_HISTORY", "~nobody-of-that-name/history")
    assert run_cli("history") == 4
    assert "There is no history" in capsys.readouterr().err


# What a container wrote


@pytest.mark.parametrize(
    "event",
    [
        {"event": "call_start", "id": 10**30, "kind": "", "name": "", "model": "", "site": ""},
        {"event": "compiled", "modules": 10**4000},
        {"event": "first_batch", "id": 1, "seconds": 1e308},
        {"event": "x" * 10_000 + "\x1b[31m"},
    ],
)
def test_an_event_beyond_bounds_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(UnreadableError) as error:
        observation.parse(START + json.dumps(event).encode() + b"\n", complete=True)
    refused(str(error.value))


def test_a_stream_of_many_small_events_does_not_become_a_record_too_large_to_read() -> None:
    with pytest.raises(UnreadableError, match="more than"):
        observation.parse(START + b"\n" * (observation.MAX_EVENTS + 1), complete=True)


def npy(kind: str, shape: str, data: bytes = b"") -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        npy("<c16", "(1,)", b"1" * 16),
        npy("<f16", "(1,)", b"1" * 16),
        npy("<f8", "(2L,)", b"1" * 16),
        npy("<f8", "(1000000000000,)", b"1" * 16),
        npy("<f8", "(-1,)", b"1" * 16),
        npy("|S1", "(2,)", b"12"),
        npy("<M8[s]", "(2,)", b"1" * 16),
    ],
)
def test_an_array_that_predict_does_not_return_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("array.npy", content)
    with pytest.raises(UnreadableError) as error:
        arrays.read(path)
    refused(str(error.value))


def test_an_array_of_bytes_does_not_grow_beyond_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    numpy.savez_compressed(path, array=numpy.zeros(1000, "int8"))
    monkeypatch.setattr(arrays, "MAX_ELEMENTS", 999)
    with pytest.raises(UnreadableError, match="more than 999 numbers"):
        arrays.read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_otherwise_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr("array.npy", npy("<f8", "(0,)"))
    with pytest.raises(UnreadableError, match="method"):
        arrays.read(path)


def test_an_archive_of_many_members_is_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("array.npy", npy("<f8", "(0,)"))
        packed.writestr("another", b"")
    with pytest.raises(UnreadableError, match="more than one member"):
        arrays.read(path)


# Reports


def test_a_tables_columns_are_looked_at_once() -> None:
    table = DataTable("a caption", ("a",), (("text",),))  # type: ignore[arg-type]
    object.__setattr__(table, "rows", ())
    assert table.numeric == (False,)
    assert table.numeric is table.numeric


def test_curves_of_one_name_are_told_apart() -> None:
    calls = [
        call("fit", {}, epochs=[Epoch(0, 1.0, {"loss": 0.5})], site=site)
        for site in ("model.py:3", "model.py:9")
    ]
    found = learning.draw_curves([record(Cell("tf"), *calls)], ("tf",))
    assert len({chart.title for chart in found}) == len(found) == 2


# The history


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("arguments", "[" * 3000),
        ("created", "0001-01-01T00:00:00+23:59"),
        ("created", "2026-01-01"),
        ("created", "x" * 5000),
        ("run", b"\x00"),
        ("seeds", "many"),
    ],
)
def test_a_history_with_a_value_of_another_kind_is_damaged(
    tmp_path: Path, column: str, value: object
) -> None:
    import sqlite3
    from contextlib import closing

    path = tmp_path / "history.sqlite"
    with History(path, write=True) as history:
        history.add(summary())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE runs SET {column} = ?", (value,))  # noqa: S608
        connection.commit()
    with History(path) as history, pytest.raises(HistoryError, match="is damaged") as error:
        history.runs()
    refused(str(error.value))


def test_a_history_whose_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with History(path, write=True) as history:
        history.add(summary())
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE runs", b"CREATE TABLE r\x80ns"))
    with pytest.raises(HistoryError, match="fill a new one") as error:
        History(path)
    refused(str(error.value))
