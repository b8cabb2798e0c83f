"""What is typed: no text in any option is more than wrong usage."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from keras_matrix.cli.output import parse_targets
from keras_matrix.errors import KerasMatrixError
from keras_matrix.load import options, request, tolerances
from keras_matrix.load.request import RunOptions
from keras_matrix.plan import tolerance
from keras_matrix.plan.question import Question
from keras_matrix.records import folder
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.fuzz.strategies import NASTY
from tests.unit.fuzz.targets import check_sentence, taken

NUMBERS = (
    *("0", "-1", "1e400", "-1e400", "nan", "inf", "9" * 30, "9" * 5000, "1e-400", "0x10", "1_0"),
    *(
        "0..999999999999",
        f"{'9' * 30}..{'9' * 31}",
        "5..1",
        "-5..5",
        "..",
        "1..",
        "..9",
        "1,1",
        ",,",
    ),
    *(
        "1,2,",
        "0...5",
        "1.5g",
        "4 g",
        "1e400g",
        "9" * 400 + "g",
        "\uff15",
        "\u0661",
        "1,nan",
        "1e-7,",
    ),
    *(
        "a=" + "9" * 400,
        "=1",
        "a=",
        "a=1,2,3",
        "[" * 2000 + "=1",
        "*" * 500 + "a=1",
        "a=-1",
        "a=nan",
    ),
    *("junit=-", "html=-", "html=/", "csv=/proc/x/y", "csv=" + "a" * 300, "csv=a\0b", "csv=\udcff"),
)
texts = st.sampled_from([*NUMBERS, *NASTY]) | st.text(max_size=12)


@pytest.fixture(autouse=True)
def nowhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path_factory.mktemp("fuzz"), monkeypatch)


few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(texts)
def test_any_text_of_an_option(text: str) -> None:
    seeds = taken(lambda: options.parse_seeds(text), KerasMatrixError)
    assert seeds is None or len(seeds) <= options.MAX_SEEDS
    taken(lambda: options.parse_size("--memory", text), KerasMatrixError)
    taken(lambda: options.parse_floats("--epsilon", text), KerasMatrixError)
    taken(lambda: options.parse_choices("--reports", text, tolerance.MetricKind), KerasMatrixError)
    for rule in taken(lambda: tolerances.parse([text]), KerasMatrixError) or ():
        tolerance.Tolerances((rule,)).for_metric(
            "evaluate.loss", tolerance.MetricKind.SCORE, Question.COMPUTATION
        )
    if "/" not in text:
        taken(lambda: parse_targets([text]), KerasMatrixError)
    taken(lambda: folder.find(Path("results"), text), KerasMatrixError)
    taken(lambda: folder.place(Path("results"), text), KerasMatrixError)


numbers = st.sampled_from([0, 1, -1, 10**6, 10**9, 10**10, 2**63, 10**30]) | st.integers()


@few
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("seeds", "floatx", "image_data_format", "epsilon"), texts),
            **dict.fromkeys(
                ("memory", "scratch", "init", "isolation", "base", "on", "only", "run_name"), texts
            ),
            **dict.fromkeys(("pids", "repeats", "schedule_seed", "jobs", "epochs_cap"), numbers),
            **{name: st.floats() for name in ("timeout", "cpus")},
            "arguments": st.lists(texts, max_size=2).map(tuple),
            "script": texts.map(Path),
        },
    )
)
def test_any_request(given: dict[str, object]) -> None:
    usual = {"script": Path("mlp"), "catalog": Path("x"), "results": Path("r"), "command": ("x",)}
    taken(lambda: request.make(RunOptions(**{**usual, **given})), KerasMatrixError)  # type: ignore[arg-type]


COMMANDS = (
    ("run", "TEXT"),
    ("run", "mlp", "--seeds", "TEXT"),
    ("run", "mlp", "--tolerances", "TEXT"),
    ("run", "mlp", "--catalog", "TEXT"),
    ("run", "mlp", "--on", "TEXT"),
    ("run", "mlp", "--data", "TEXT"),
    ("run", "mlp", "--results", "TEXT"),
    ("run", "mlp", "--run", "TEXT"),
    ("run", "mlp", "--report", "TEXT"),
    ("run", "mlp", "--against", "TEXT"),
    ("run", "mlp", "--", "TEXT"),
    ("reproduce", "mlp", "--reported", "TEXT"),
    ("pytest", "TEXT"),
    ("pytest", "mlp", "--root", "TEXT"),
    ("diff", "TEXT"),
    ("report", "TEXT"),
    ("history", "TEXT"),
    ("history", "--history", "TEXT"),
    ("history", "--add", "TEXT"),
    ("join", "TEXT", "--into", "TEXT"),
    ("export", "TEXT", "--to", "TEXT"),
    ("trace", "TEXT"),
    ("list", "--catalog", "TEXT"),
)
RAW = [text for text in (*NUMBERS, *NASTY) if "\0" not in text]
# What a test wrote with a name of the fuzzer's choice stays in its own folder.
PLAIN = [text for text in RAW if "/" not in text and ".." not in text]


@few
@example(("run", "TEXT"), "a" * 5000)
@example(("run", "mlp", "--", "TEXT"), "\udcff")
@given(st.sampled_from(COMMANDS), st.sampled_from(PLAIN))
def test_any_text_of_a_command(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], text: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["keras-matrix", *command])
        code = run_cli(*(text if part == "TEXT" else part for part in command))
    error = capsys.readouterr().err
    assert code in (2, 4, 5), error
    assert "Traceback" not in error


VARIABLES: tuple[str, ...] = (
    "KERAS_MATRIX_CACHE",
    "KERAS_MATRIX_HISTORY",
    "GITHUB_WORKSPACE",
    "DOCKER_HOST",
)
VARIABLES += ("DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "COLUMNS", "TERM")
VALUES = (
    *(
        "~nobody-of-that-name/x",
        "/dev/null",
        "/dev/null/x",
        "/proc/x",
        "/",
        ".",
        "a" * 5000,
        "\udcff",
    ),
    *(
        "tcp://",
        "tcp://[",
        "unix://",
        "ssh://",
        "http://x:y",
        "tcp://127.0.0.1:1",
        "npipe://x",
        "://",
    ),
    *("tcp://127.0.0.1:999999", "fd://", "1", "-1", "x", "\x1b[31m", "a\nb"),
)


@settings(few, max_examples=max(5, settings().max_examples // 5))
@example("DOCKER_HOST", "tcp://[")
@example("KERAS_MATRIX_HISTORY", "~nobody-of-that-name/x")
@given(st.sampled_from(VARIABLES), st.sampled_from(VALUES))
def test_any_variable(capsys: pytest.CaptureFixture[str], name: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        if name == "DOCKER_CONTEXT":
            patch.delenv("DOCKER_HOST")
        for command in (("run", "mlp"), ("history",), ("cache", "list")):
            code = run_cli(*command)
            error = capsys.readouterr().err
            assert code in (0, 2, 4, 5), (command, error)
            assert "Traceback" not in error
            for line in error.splitlines():
                if line.startswith("keras-matrix: error: "):
                    check_sentence(line)
