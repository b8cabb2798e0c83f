"""The plugin of pytest, in pytest runs of its own; what would run cells is a function here."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from scipy import special, stats

from keras_matrix.compare import assess
from keras_matrix.errors import ConfigurationError, EngineError, InterruptedRunError
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.request import RunOptions, RunRequest
from keras_matrix.plan.cells import Cell, Init
from keras_matrix.plan.settings import Floatx, ImageDataFormat, KerasSettings
from keras_matrix.pytest_plugin import Options
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report import table, words
from keras_matrix.run import session
from keras_matrix.run.progress import Progress
from keras_matrix.run.session import RunResult
from tests.unit.project.test_cold_start import SLOW
from tests.unit.records.builders import call, record, run_folder, tf_and_theano

pytest_plugins = ["pytester"]
LOADED = (assess, special, stats, table, words)
"""What inner runs import: they forget it again, and NumPy can be loaded but once."""

ASSERTS = """
def test_it(keras_matrix):
    keras_matrix.run("models/mlp", on=("tf", "theano"), seeds=3).assert_agree()
"""
MARKED = """
import pytest

@pytest.mark.keras_matrix("models/mlp", on=("tf", "theano"), seeds=3, init="paired")
def test_marked(): ...
"""


class Runs:
    """Takes the place of what runs cells: ``folder`` is what they leave, or an error to raise."""

    def __init__(self) -> None:
        self.result: RunFolder | Exception = ConfigurationError("There is nothing yet.")
        self.requests: list[RunRequest] = []

    def run(self, request: RunRequest, progress: Progress, interrupts: Interrupts) -> RunResult:
        self.requests.append(request)
        progress.step("cells are run")
        if isinstance(self.result, Exception):
            raise self.result
        return RunResult(self.result, self.result.records(), last=True)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(session, "run", runs.run)
    return runs


def outcome_of(pytester: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


def of_cells(path: Path, *records: Record) -> RunFolder:
    return run_folder(path, records)


@pytest.mark.parametrize("text", [ASSERTS, MARKED])
def test_images_that_agree_pass(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path, text: str
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run")
    outcome_of(pytester, text).assert_outcomes(passed=1)


@pytest.mark.parametrize("text", [ASSERTS, MARKED])
def test_images_that_differ_fail_with_the_difference(
    pytester: pytest.Pytester,
    runs: Runs,
    tmp_path: Path,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    runs.result = tf_and_theano(tmp_path / "a-run", tf=0.5, theano=0.75)
    done = outcome_of(pytester, text, "--color=no")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*theano differs from tf in 1 of 1 judged metric: evaluate.loss (0.75 against 0.5*",
            "*metric * tf * theano * verdict",
            "*evaluate.loss * 0.5 * 0.75 * differ",
            f"*records: {tmp_path}/a-run",
        ]
    )
    output = done.stdout.str()
    assert "\x1b" not in output
    assert "─" not in output
    # Not how it came about: the test, and what differs.
    assert "raise AssertionError" not in output
    assert "/keras_matrix/" not in output


def test_what_agrees_is_left_out_of_the_message(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    runs.result = of_cells(
        tmp_path / "a-run",
        record(Cell("tf"), call(metrics={"loss": 0.5, "accuracy": 0.25})),
        record(Cell("theano"), call(metrics={"loss": 0.9, "accuracy": 0.25})),
    )
    output = outcome_of(pytester, ASSERTS).stdout.str()
    assert "theano differs from tf in 1 of 2 judged metrics" in output
    assert "evaluate.accuracy" not in output


@pytest.mark.parametrize(
    ("asserted", "failed"),
    [
        ('tolerance={"evaluate.loss": 0.3}', 0),
        ('tolerance={"evaluate.*": (0, 0.6)}', 0),
        ('tolerance={"evaluate.loss": 0.1}', 1),
        ('tolerance={"fit.*": 9}', 1),
    ],
)
def test_a_tolerance_of_the_tests_own(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path, asserted: str, failed: int
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run", tf=0.5, theano=0.75)
    text = ASSERTS.replace("assert_agree()", f"assert_agree({asserted})")
    done = outcome_of(pytester, text + MARKED.replace("seeds=3", asserted))
    done.assert_outcomes(passed=2 - 2 * failed, failed=2 * failed)


def test_a_wrong_tolerance_is_reported(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run")
    done = outcome_of(pytester, ASSERTS.replace("agree()", "agree({'loss': -1})"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the tolerance of loss is -1.0; it must be 0 or more."])


def test_a_cell_that_failed_is_no_agreement(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    runs.result = of_cells(
        tmp_path / "a-run",
        record(Cell("tf"), call(metrics={"loss": 0.5})),
        record(
            Cell("theano"),
            outcome=Outcome.SCRIPT_ERROR,
            reason="ValueError: no\x1b[31m",
            log_tail=("the last line",),
        ),
    )
    done = outcome_of(pytester, ASSERTS)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["*theano (script error) gave no result*", "*ValueError: no", "*| the last line"]
    )


@pytest.mark.parametrize(
    ("text", "outcome"), [(ASSERTS, {"failed": 1}), (MARKED, {"errors": 1})], ids=["run", "marker"]
)
def test_a_run_that_cannot_be_made_is_not_a_failed_comparison(
    pytester: pytest.Pytester, runs: Runs, text: str, outcome: dict[str, int]
) -> None:
    runs.result = EngineError("No container engine answers; start it.")
    done = outcome_of(pytester, text)
    done.assert_outcomes(**outcome)
    done.stdout.fnmatch_lines(
        ["keras-matrix could not compare: No container engine answers; start it."]
    )
    assert "Traceback" not in done.stdout.str()
    assert "AssertionError" not in done.stdout.str()


def test_a_cell_that_the_engine_could_not_run_is_not_a_failed_comparison(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    failed = record(Cell("theano"), outcome=Outcome.ENGINE_ERROR, reason="The engine is gone.")
    runs.result = of_cells(tmp_path / "a-run", record(Cell("tf"), call()), failed)
    done = outcome_of(pytester, ASSERTS)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*could not compare: theano: engine error: The engine is gone."])


@pytest.mark.parametrize("cells", ["tf", "tf theano"])
def test_nothing_judged_is_no_agreement(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path, cells: str
) -> None:
    runs.result = of_cells(tmp_path / "a-run", *(record(Cell(image)) for image in cells.split()))
    done = outcome_of(pytester, ASSERTS)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*Nothing was judged*"])


def test_too_few_seeds_are_no_agreement_unless_allowed(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    losses = {"tf": (0.5, 0.9), "theano": (0.9, 0.5)}
    runs.result = of_cells(
        tmp_path / "a-run",
        *(
            record(Cell(image, seed=seed), call(metrics={"loss": loss}))
            for image, found in losses.items()
            for seed, loss in enumerate(found)
        ),
    )
    done = outcome_of(pytester, ASSERTS)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*too few seeds to tell in 1*"])
    pytester.makepyfile(ASSERTS.replace("agree()", "agree(allow_inconclusive=True)"))
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_options_are_those_of_the_command_line(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run")
    text = """
    import pytest

    @pytest.mark.keras_matrix(
        "models/mlp", on="theano,tf", seeds=[7], init="paired", arguments=["--fast"], repeats=2,
        epochs_cap=1, timeout=60, memory="1g", data="sets", fresh=True,
        floatx="float64", image_data_format="channels_first", epsilon=1e-5,
        catalog="mine",
    )
    def test_it(keras_matrix_result):
        assert keras_matrix_result.agrees
        assert keras_matrix_result.exit_code == 0
        assert [record.cell.image for record in keras_matrix_result.records] == ["tf", "theano"]
        assert keras_matrix_result.comparison.rows
    """
    outcome_of(pytester, text).assert_outcomes(passed=1)
    (request,) = runs.requests
    assert request.target == pytester.path / "models" / "mlp"
    plan = request.plan
    assert (request.on, plan.seeds, plan.init) == (("theano", "tf"), (7,), Init.PAIRED)
    assert (plan.arguments, plan.repeats, plan.caps.epochs) == (("--fast",), 2, 1)
    assert (plan.limits.timeout, plan.limits.memory) == (60, 2**30)
    assert plan.settings == (KerasSettings(Floatx.FLOAT64, ImageDataFormat.CHANNELS_FIRST, 1e-5),)
    assert (request.data, request.fresh) == (pytester.path / "sets", True)
    assert request.catalog == pytester.path / "mine"
    assert request.results == pytester.path / "results"


def test_options_of_a_marker_are_options_of_a_run() -> None:
    assert Options.__annotations__.keys() <= {field.name for field in fields(RunOptions)}


def test_a_number_of_seeds(pytester: pytest.Pytester, runs: Runs, tmp_path: Path) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run")
    outcome_of(pytester, ASSERTS).assert_outcomes(passed=1)
    assert runs.requests[0].plan.seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [((), "from-ini"), (("--keras-matrix-results", "typed"), "typed")],
)
def test_where_results_go(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path, arguments: tuple[str, ...], place: str
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run")
    pytester.makeini("[pytest]\nkeras_matrix_results = from-ini\n")
    outcome_of(pytester, ASSERTS, *arguments).assert_outcomes(passed=1)
    assert runs.requests[0].results == pytester.path / place


@pytest.mark.parametrize(
    ("decorators", "word"),
    [
        ("@pytest.mark.keras_matrix('mlp', onn='tf')", "unexpected keyword argument 'onn'"),
        ("@pytest.mark.keras_matrix()", "missing a required argument: 'script'"),
        ("@pytest.mark.keras_matrix('a')\n@pytest.mark.keras_matrix('b')", "has 2 markers"),
        ("", "needs @pytest.mark.keras_matrix"),
    ],
)
def test_a_wrong_marker_is_an_error(
    pytester: pytest.Pytester, runs: Runs, decorators: str, word: str
) -> None:
    text = f"import pytest\n\n{decorators}\ndef test_it(keras_matrix_result): ...\n"
    done = outcome_of(pytester, text)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"keras-matrix could not compare: *{word}*"])
    assert runs.requests == []


def test_a_marker_of_a_class_is_for_each_of_its_tests(
    pytester: pytest.Pytester, runs: Runs, tmp_path: Path
) -> None:
    runs.result = tf_and_theano(tmp_path / "a-run", theano=0.9)
    text = """
    import pytest

    @pytest.mark.keras_matrix("mlp", on="tf,theano")
    class TestIt:
        def test_one(self): ...
        def test_two(self, keras_matrix_result): ...
        @pytest.mark.keras_matrix("cnn", on="tf,theano")
        def test_three(self): ...
    """
    outcome_of(pytester, text).assert_outcomes(failed=3)
    assert [request.target.name for request in runs.requests] == ["mlp", "mlp", "cnn"]


def test_ctrl_c_stops_the_session(pytester: pytest.Pytester, runs: Runs) -> None:
    runs.result = InterruptedRunError("Stopped by Ctrl-C; nothing is left running.")
    pytester.makepyfile(ASSERTS + ASSERTS.replace("test_it", "test_next"))
    done = pytester.runpytest_inprocess(no_reraise_ctrlc=True)
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.assert_outcomes()
    assert len(runs.requests) == 1


def test_a_run_says_what_it_does_if_the_test_fails(pytester: pytest.Pytester, runs: Runs) -> None:
    outcome_of(pytester, ASSERTS).stdout.fnmatch_lines(["*cells are run"])


def test_every_pytest_run_loads_next_to_nothing() -> None:
    code = "import sys, keras_matrix.pytest_plugin; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert loaded & (SLOW | {"click", "jinja2", "matplotlib", "sqlalchemy"}) == set()
    assert {name for name in loaded if name.startswith("keras_matrix.")} == {
        "keras_matrix.pytest_plugin"
    }
