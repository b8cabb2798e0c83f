"""A plugin of pytest: tests that say on which images a model agrees.

Every pytest run of an environment with this package loads this module, so it imports nothing
else of the package before a test asks for it.
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
RESULT = "keras_matrix_result"
OPTION = "--keras-matrix-results"
INI = "keras_matrix_results"
RESULTS = "results"
ASSERTING = ("tolerance", "allow_inconclusive")
"""The marker's arguments that go to :meth:`MatrixResult.assert_agree`."""

Tolerances = Mapping[str, float | tuple[float, float]]
"""Metric, or a pattern such as ``evaluate.*``, to what is allowed: ``atol`` or ``(atol, rtol)``."""


@dataclass(frozen=True)
class MatrixResult:
    """A run: ``records`` has one a cell, ``comparison`` judges them as the command line does.

    ``exit_code`` is the one that ``keras-matrix run`` would end with.
    """

    folder: "RunFolder"
    records: "tuple[Record, ...]"
    comparison: "Comparison"
    exit_code: "ExitCode"

    @property
    def agrees(self) -> bool:
        """Tell whether every cell ended well, and all that is judged is within tolerance.

        Where nothing is judged, nothing agrees.
        """
        return self.exit_code == 0 and self._judged

    @property
    def _judged(self) -> bool:
        from keras_matrix.compare.comparison import Verdict

        return any(row.verdict is not Verdict.REPORTED for row in self.comparison.rows)

    def assert_agree(
        self, tolerance: Tolerances | None = None, *, allow_inconclusive: bool = False
    ) -> None:
        """Assert that the images agree; ``tolerance`` goes before the model's own.

        What several seeds cannot settle is no agreement, unless ``allow_inconclusive``.

        Raises:
            AssertionError: they differ, or a cell failed; its text is the comparison.
        """
        __tracebackhide__ = True
        from keras_matrix.errors import ExitCode

        judged = self if tolerance is None else self._judged_with(tolerance)
        settled = judged.exit_code is not ExitCode.INCONCLUSIVE
        if not judged.agrees and (settled or not allow_inconclusive):
            raise AssertionError(judged.told())

    def _judged_with(self, tolerance: Tolerances) -> "MatrixResult":
        from keras_matrix.compare import assess
        from keras_matrix.errors import KerasMatrixError
        from keras_matrix.load import tolerances as rules
        from keras_matrix.records import recorded

        texts = [f"{metric}={_figures(allowed)}" for metric, allowed in tolerance.items()]
        try:
            found = assess.compare_run(recorded.read(self.folder), rules.parse(texts))
        except KerasMatrixError as error:
            _cannot(str(error))
        return MatrixResult(self.folder, self.records, found, assess.exit_code(found))

    def told(self) -> str:
        """Return the comparison as plain text: its sentence, and the rows that do not agree."""
        from dataclasses import replace

        from rich.console import Console

        from keras_matrix.compare.comparison import Verdict
        from keras_matrix.report import table, words
        from keras_matrix.text import relative

        good = (Verdict.AGREE, Verdict.REPORTED)
        rows = tuple(row for row in self.comparison.rows if row.verdict not in good)
        text = io.StringIO()
        # Whatever FORCE_COLOR says: this is no terminal.
        out = Console(file=text, width=table.PLAIN_WIDTH, force_terminal=False, highlight=False)
        table.show_rows(replace(self.comparison, rows=rows), out)
        lines = [words.in_words(self.comparison), *text.getvalue().splitlines()]
        if not self._judged:
            lines.append("Nothing was judged: a script that trains on two images has figures.")
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
    """Runs models on images; ``root`` is the folder that relative paths begin at."""

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
            made = _run(request.make(run_options))
            found = assess.compare_run(recorded.read(made.folder), ())
        except TerminatedRunError as error:
            pytest.exit(str(error), returncode=int(error.exit_code))
        except InterruptedRunError as error:
            raise KeyboardInterrupt(str(error)) from None
        except KerasMatrixError as error:
            _cannot(str(error))
        _check_engine(made.records)
        return MatrixResult(made.folder, made.records, found, assess.exit_code(found))


def _seeds(given: str | int | Sequence[int] | None) -> str | None:
    if given is None or isinstance(given, str):
        return given
    # A comma makes a list of one, which would else be a count.
    return str(given) if isinstance(given, int) else ",".join(map(str, given)) + ","


def _run(request: "RunRequest") -> "RunResult":
    from keras_matrix.interrupts import Interrupts
    from keras_matrix.report.progress.lines import PlainProgress
    from keras_matrix.run import session

    interrupts = Interrupts()
    with _heard(interrupts), PlainProgress() as progress:
        return session.run(request, progress, interrupts)


def _heard(interrupts: "Interrupts") -> AbstractContextManager[None]:
    """Hear Ctrl-C while cells run; only the main thread can."""
    from keras_matrix.interrupts import installed

    main = threading.current_thread() is threading.main_thread()
    return installed(interrupts) if main else nullcontext()


def _check_engine(records: "Sequence[Record]") -> None:
    """Fail if a cell was kept from running: that is no word on the model."""
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
    """Add the option and the ini-file's word for where results go."""
    text = "folder that holds keras-matrix's runs (default: results)"
    parser.getgroup("keras-matrix").addoption(OPTION, metavar="DIR", default=None, help=text)
    parser.addini(INI, text, default=RESULTS)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(script, on=..., seeds=..., tolerance=...): run the script on images, and fail "
        f"unless they agree; all arguments of the {MARKER} fixture's run, the result is "
        f"{RESULT}.",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give every marked test the result, whether it asks for it or not."""
    names = getattr(item, "fixturenames", None)
    if item.get_closest_marker(MARKER) is not None and names is not None and RESULT not in names:
        names.append(RESULT)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Assert before a marked test's own code that the images agree."""
    __tracebackhide__ = True
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return
    result: MatrixResult = getattr(item, "funcargs", {})[RESULT]
    asked = {name: marker.kwargs[name] for name in ASSERTING if name in marker.kwargs}
    try:
        result.assert_agree(**asked)
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def keras_matrix(request: pytest.FixtureRequest) -> KerasMatrix:
    """Run models on images: ``keras_matrix.run("models/mlp", on=("tf", "theano"), seeds=3)``."""
    config = request.config
    named = config.getoption(OPTION)
    # What is typed begins at the current folder; what is in an ini-file, at the root.
    results = Path(named).absolute() if named else config.rootpath / config.getini(INI)
    return KerasMatrix(root=config.rootpath, results=results)


@pytest.fixture
def keras_matrix_result(request: pytest.FixtureRequest, keras_matrix: KerasMatrix) -> MatrixResult:
    """Return what the test's marker asks to run came to."""
    own = [marker for marker in request.node.own_markers if marker.name == MARKER]
    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        _cannot(f"{RESULT} needs @pytest.mark.{MARKER}(script, on=...) on the test.")
    if len(own) > 1:
        _cannot(f"the test has {len(own)} markers {MARKER}; give each script a test of its own.")
    given = {name: value for name, value in marker.kwargs.items() if name not in ASSERTING}
    try:
        inspect.signature(keras_matrix.run).bind(*marker.args, **given)
        _check_names(given)
    except TypeError as error:
        _cannot(f"@pytest.mark.{MARKER}: {error}.")
    return keras_matrix.run(*marker.args, **given)
