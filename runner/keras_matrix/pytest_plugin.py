"""The pytest plugin: tests that fail unless a model agrees on all images.

Every pytest run in an environment with this package loads this module, so it imports the rest of
the package only when a test needs it.
"""

import inspect
import io
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypedDict

import pytest

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from keras_matrix.compare.comparison import Comparison
    from keras_matrix.errors import ExitCode
    from keras_matrix.interrupts import Interrupts
    from keras_matrix.load.request import RunRequest
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.records.record import Record
    from keras_matrix.run.session import RunResult

MARKER = "keras_matrix"
RESULT_FIXTURE = "keras_matrix_result"
RESULTS_OPTION = "--keras-matrix-results"
RESULTS_INI = "keras_matrix_results"
DEFAULT_RESULTS = "results"
ASSERT_ARGUMENTS = ("tolerance", "allow_inconclusive")
"""The marker's arguments that are those of :meth:`MatrixResult.assert_agree`."""

Tolerances = Mapping[str, float | tuple[float, float]]
"""Metrics, or patterns such as ``evaluate.*``, each with its ``atol`` or ``(atol, rtol)``."""


@dataclass(frozen=True)
class MatrixResult:
    """The result of a run; ``records`` has one record per cell.

    ``comparison`` and ``exit_code`` are those of the command ``keras-matrix run``.
    """

    folder: "RunFolder"
    records: "tuple[Record, ...]"
    comparison: "Comparison"
    exit_code: "ExitCode"

    @property
    def agrees(self) -> bool:
        """Whether every cell ended well, and every metric that is judged is within tolerance.

        If no metric is judged, the images do not agree.
        """
        return self.exit_code == 0 and self._judged

    @property
    def _judged(self) -> bool:
        from keras_matrix.compare.comparison import Verdict

        return any(row.verdict is not Verdict.REPORTED for row in self.comparison.rows)

    def assert_agree(
        self, tolerance: Tolerances | None = None, *, allow_inconclusive: bool = False
    ) -> None:
        """Assert that the images agree; ``tolerance`` takes precedence over the model's own.

        If there are too few seeds for a verdict, the images agree only if ``allow_inconclusive``.

        Raises:
            AssertionError: the images differ, or a cell failed; the message is the comparison.
        """
        __tracebackhide__ = True
        from keras_matrix.errors import ExitCode

        result = self if tolerance is None else self._compared_with(tolerance)
        conclusive = result.exit_code is not ExitCode.INCONCLUSIVE
        if not result.agrees and (conclusive or not allow_inconclusive):
            raise AssertionError(result.as_text())

    def _compared_with(self, tolerance: Tolerances) -> "MatrixResult":
        from keras_matrix.compare import assess
        from keras_matrix.errors import KerasMatrixError
        from keras_matrix.load import tolerances as rules
        from keras_matrix.records import recorded

        texts = [f"{metric}={_figures(allowed)}" for metric, allowed in tolerance.items()]
        try:
            comparison = assess.compare_run(recorded.read(self.folder), rules.given(texts))
        except KerasMatrixError as error:
            _cannot(str(error))
        code = assess.exit_code(comparison)
        return MatrixResult(self.folder, self.records, comparison, code)

    def as_text(self) -> str:
        """Return the comparison as plain text: its summary, and the rows that do not agree."""
        from dataclasses import replace

        from rich.console import Console

        from keras_matrix.compare.comparison import Verdict
        from keras_matrix.report import table, words
        from keras_matrix.text import relative

        good = (Verdict.AGREE, Verdict.REPORTED)
        rows = tuple(row for row in self.comparison.rows if row.verdict not in good)
        text = io.StringIO()
        # The text is not for a terminal, whatever FORCE_COLOR says.
        out = Console(file=text, width=table.PLAIN_WIDTH, force_terminal=False, highlight=False)
        table.show_rows(replace(self.comparison, rows=rows), out)
        lines = [words.in_words(self.comparison), *text.getvalue().splitlines()]
        if not self._judged:
            lines.append("Nothing was judged; run a script that trains, on at least two images.")
        lines.append(f"records: {relative(self.folder.path)}")
        return "\n".join(line.rstrip() for line in lines)


def _figures(allowed: float | tuple[float, float]) -> str:
    return ",".join(map(str, allowed)) if isinstance(allowed, tuple) else str(allowed)


class Options(TypedDict, total=False):
    """Options of a run that go as they are to ``load.request.RunOptions``, which has defaults."""

    init: Literal["own", "paired"]
    repeats: int
    deterministic: bool
    epochs_cap: int
    steps_cap: int
    floatx: str
    image_data_format: str
    epsilon: str | float
    timeout: float
    memory: str
    cpus: float
    fresh: bool


@dataclass(frozen=True)
class KerasMatrix:
    """Runs models on images; ``root`` is the folder that paths are relative to."""

    root: Path
    results: Path

    def run(
        self,
        script: str | Path,
        *,
        on: str | Sequence[str] | None = None,
        seeds: str | int | Sequence[int] | None = None,
        arguments: Sequence[str] = (),
        data: str | Path | None = None,
        tolerances: str | Path | None = None,
        catalog: str | Path | None = None,
        **options: "Unpack[Options]",
    ) -> MatrixResult:
        """Run a script, or the model.py of a folder, and compare, as ``keras-matrix run`` does.

        ``on`` names images, the first is the reference; ``seeds`` is a count, a list, or a text as
        on the command line. All other arguments are named as the command line's options, and mean
        the same.

        Raises:
            pytest.fail.Exception: the run is impossible: there is no engine, image or script.
        """
        __tracebackhide__ = True
        from keras_matrix.errors import InterruptedRunError, KerasMatrixError, TerminatedRunError
        from keras_matrix.load.request import RunOptions

        try:
            from keras_matrix.compare import assess
            from keras_matrix.load import request
            from keras_matrix.load.shipped import default_root
            from keras_matrix.records import recorded

            run_options = RunOptions(
                script=self.root / script,
                catalog=default_root() if catalog is None else self.root / catalog,
                results=self.results,
                command=tuple(sys.argv),
                on=on if isinstance(on, str) or on is None else ",".join(on),
                seeds=_seeds(seeds),
                arguments=tuple(arguments),
                data=None if data is None else self.root / data,
                tolerances=None if tolerances is None else self.root / tolerances,
                **options,
            )
            result = _run(request.make(run_options))
            comparison = assess.compare_run(recorded.read(result.folder))
        except TerminatedRunError as error:
            pytest.exit(str(error), returncode=int(error.exit_code))
        except InterruptedRunError as error:
            raise KeyboardInterrupt(str(error)) from None
        except KerasMatrixError as error:
            _cannot(str(error))
        _check_engine(result.records)
        code = assess.exit_code(comparison)
        return MatrixResult(result.folder, result.records, comparison, code)


def _seeds(seeds: str | int | Sequence[int] | None) -> str | None:
    """Return seeds as the command line takes them."""
    if seeds is None or isinstance(seeds, str):
        return seeds
    # The comma at the end makes a list of one number, which would otherwise be a count.
    return str(seeds) if isinstance(seeds, int) else ",".join(map(str, seeds)) + ","


def _run(request: "RunRequest") -> "RunResult":
    from keras_matrix.interrupts import Interrupts
    from keras_matrix.report.progress.lines import PlainProgress
    from keras_matrix.run import session

    interrupts = Interrupts()
    with _handled(interrupts), PlainProgress() as progress:
        return session.run(request, progress, interrupts)


def _handled(interrupts: "Interrupts") -> AbstractContextManager[None]:
    """Handle Ctrl-C while cells run, which only the main thread can do."""
    from keras_matrix.interrupts import installed

    main = threading.current_thread() is threading.main_thread()
    return installed(interrupts) if main else nullcontext()


def _check_engine(records: "Sequence[Record]") -> None:
    """Fail if a cell could not run, for a reason that says nothing about the model."""
    __tracebackhide__ = True
    from keras_matrix.records.record import Outcome
    from keras_matrix.text import brief

    for record in records:
        if record.outcome in (Outcome.ENGINE_ERROR, Outcome.LIMIT_NOT_APPLIED, Outcome.MISMATCH):
            _cannot(f"{record.cell.id}: {record.outcome.value}: {brief(record.reason)}")


def _check_names(arguments: Mapping[str, object]) -> None:
    named = {*inspect.signature(KerasMatrix.run).parameters, *Options.__annotations__}
    for name in arguments.keys() - named:
        raise TypeError(f"got an unexpected keyword argument '{name}'")


def _cannot(sentence: str) -> NoReturn:
    pytest.fail(f"keras-matrix could not compare: {sentence}", pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line option and the ini option for the folder of results."""
    text = "folder for the runs of keras-matrix (default: results)"
    parser.getgroup("keras-matrix").addoption(
        RESULTS_OPTION, metavar="DIR", default=None, help=text
    )
    parser.addini(RESULTS_INI, text, default=DEFAULT_RESULTS)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(script, on=..., seeds=..., tolerance=...): run the script on images, and fail "
        f"unless they agree; takes all arguments of {MARKER}.run, and the fixture "
        f"{RESULT_FIXTURE} is the result.",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the result's fixture to every marked test, so that the script is run."""
    names = getattr(item, "fixturenames", None)
    if (
        item.get_closest_marker(MARKER) is not None
        and names is not None
        and RESULT_FIXTURE not in names
    ):
        names.append(RESULT_FIXTURE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Assert that the images agree, before the code of a marked test runs."""
    __tracebackhide__ = True
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return
    result: MatrixResult = getattr(item, "funcargs", {})[RESULT_FIXTURE]
    arguments = {name: marker.kwargs[name] for name in ASSERT_ARGUMENTS if name in marker.kwargs}
    try:
        result.assert_agree(**arguments)
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def keras_matrix(request: pytest.FixtureRequest) -> KerasMatrix:
    """Run models on images: ``keras_matrix.run("models/mlp", on=("tf", "theano"), seeds=3)``."""
    config = request.config
    option = config.getoption(RESULTS_OPTION)
    # The option is relative to the current folder, the ini option to the root folder.
    results = Path(option).absolute() if option else config.rootpath / config.getini(RESULTS_INI)
    return KerasMatrix(root=config.rootpath, results=results)


@pytest.fixture
def keras_matrix_result(request: pytest.FixtureRequest, keras_matrix: KerasMatrix) -> MatrixResult:
    """Return the result of the run that the test's marker requests."""
    own = [marker for marker in request.node.own_markers if marker.name == MARKER]
    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        _cannot(f"{RESULT_FIXTURE} needs @pytest.mark.{MARKER}(script, on=...) on the test.")
    if len(own) > 1:
        _cannot(f"the test has {len(own)} markers {MARKER}; use one test per script.")
    arguments = {n: value for n, value in marker.kwargs.items() if n not in ASSERT_ARGUMENTS}
    try:
        inspect.signature(keras_matrix.run).bind(*marker.args, **arguments)
        _check_names(arguments)
    except TypeError as error:
        _cannot(f"@pytest.mark.{MARKER}: {error}.")
    return keras_matrix.run(*marker.args, **arguments)
