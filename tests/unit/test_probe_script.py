import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.keras_matrix_probe import script
from runner.stream import Failure


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to run scripts in; the process is as before afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "work").mkdir()
    before = set(sys.modules)
    yield tmp_path / "work"
    for name in set(sys.modules) - before:
        del sys.modules[name]


def run(folder: Path, text: str, *arguments: str) -> dict[str, Any]:
    (folder / "model.py").write_text(text)
    return script.run(str(folder / "model.py"), list(arguments), "tensorflow")


def failure(outcome: dict[str, Any]) -> Failure:
    """Return the error as the host reads it."""
    return msgspec.convert(outcome["error"], Failure)


@pytest.mark.parametrize(
    "text", ["", "x = 1", "import sys; sys.exit()", "raise SystemExit(0)", "raise SystemExit(None)"]
)
def test_a_script_that_ends_well(folder: Path, text: str) -> None:
    assert run(folder, text) == {"status": "ok", "exit_code": 0, "error": None}


def test_a_script_runs_as_python_runs_it(folder: Path) -> None:
    (folder / "helper.py").write_text("value = 7\n")
    text = (
        "import os, sys, helper\n"
        "assert __name__ == '__main__'\n"
        "assert helper.value == 7\n"
        "assert sys.argv[1:] == ['--fast', 'x y'], sys.argv\n"
        "assert os.path.basename(sys.argv[0]) == 'model.py'\n"
        "assert os.path.samefile(os.getcwd(), os.path.dirname(os.path.abspath(__file__)))\n"
        "open('written', 'w').close()\n"
    )
    assert run(folder, text, "--fast", "x y")["error"] is None
    assert (folder / "written").exists()


@pytest.mark.parametrize(
    ("code", "status"), [("3", 3), ("-1", 255), ("True", 1), ("'went wrong'", 1), ("[]", 1)]
)
def test_a_script_that_exits(folder: Path, code: str, status: int) -> None:
    outcome = run(folder, f"import sys\nsys.exit({code})\n")
    assert (outcome["status"], outcome["exit_code"]) == ("exit", status)
    error = failure(outcome)
    assert (error.kind, error.file, error.line) == ("SystemExit", "model.py", 2)
    assert "status" in error.message


def test_the_text_of_an_exit_goes_to_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(folder, "import sys\nsys.exit('went wrong')\n")
    assert capsys.readouterr().err == "went wrong\n"
    assert "went wrong" in failure(outcome).message


def test_a_failure_is_shown_as_its_author_sees_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pack").mkdir()
    (folder / "pack" / "__init__.py").write_text("")
    (folder / "pack" / "inner.py").write_text("def f():\n    raise ValueError('no good')\n")
    outcome = run(folder, "from pack.inner import f\n\ndef g():\n    f()\n\ng()\n")
    assert (outcome["status"], outcome["exit_code"]) == ("error", 1)
    error = failure(outcome)
    assert (error.kind, error.message) == ("ValueError", "no good")
    assert (error.file, error.line) == (os.path.join("pack", "inner.py"), 2)
    assert error.traceback.startswith("Traceback (most recent call last):\n")
    assert error.traceback.endswith("ValueError: no good\n")
    places = [line.strip() for line in error.traceback.splitlines() if 'File "' in line]
    assert places == [
        'File "model.py", line 6, in <module>',
        'File "model.py", line 4, in g',
        'File "pack/inner.py", line 2, in f',
    ]
    assert capsys.readouterr().err == error.traceback


def test_a_failure_within_a_library_points_into_the_script(folder: Path) -> None:
    error = failure(run(folder, "import json\n\njson.loads('{')\n"))
    assert (error.kind, error.file, error.line) == ("JSONDecodeError", "model.py", 3)
    # What was called is shown; what called the script is not.
    assert "decoder.py" in error.traceback
    assert "runpy" not in error.traceback
    assert "keras_matrix_probe" not in error.traceback


def test_a_syntax_error_has_its_place(folder: Path) -> None:
    outcome = run(folder, "x = 1\ny = = 2\n")
    assert outcome["status"] == "error"
    error = failure(outcome)
    assert (error.kind, error.file, error.line) == ("SyntaxError", "model.py", 2)
    assert str(folder) not in error.message + error.traceback
    assert "y = = 2" in error.traceback


def test_a_syntax_error_in_a_module_of_the_script_has_its_place(folder: Path) -> None:
    (folder / "helper.py").write_text("\n\nx = = 1\n")
    error = failure(run(folder, "import helper\n"))
    assert (error.kind, error.file, error.line) == ("SyntaxError", "helper.py", 3)


def test_a_script_that_is_no_text_is_told(folder: Path) -> None:
    (folder / "model.py").write_bytes(b"x = 1\n\x00\xff")
    outcome = script.run(str(folder / "model.py"), [], "tensorflow")
    assert outcome["status"] == "error"
    assert failure(outcome).kind in ("SyntaxError", "ValueError")


def test_an_import_that_fails_is_a_status_of_its_own(folder: Path) -> None:
    outcome = run(folder, "x = 1\nimport no_such_module_at_all\n")
    assert outcome["status"] == "import"
    error = failure(outcome)
    assert (error.kind, error.line) == ("ModuleNotFoundError", 2)
    assert "no_such_module_at_all" in error.message


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        ("raise MemoryError", "memory", "MemoryError"),
        ("x = [0] * 2**60", "memory", "MemoryError"),
        ("raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
        ("def f(): f()\nf()", "error", "RecursionError"),
        ("class E(BaseException): pass\nraise E", "error", "E"),
        ("assert 1 == 2", "error", "AssertionError"),
    ],
)
def test_whatever_a_script_raises_is_a_result(
    folder: Path, text: str, status: str, kind: str
) -> None:
    outcome = run(folder, text)
    assert (outcome["status"], outcome["exit_code"]) == (status, 1)
    assert failure(outcome).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('x' * 10**6)",
        "raise SystemExit('x' * 10**6)",
        "raise ValueError('\\udcff')",
        "import no_module\n".replace("no_module", "no_" + "x" * 5000),
    ],
    ids=["message", "exit text", "surrogate", "module"],
)
def test_no_failure_is_too_long_or_odd_for_the_host(folder: Path, text: str) -> None:
    outcome = run(folder, text)
    assert outcome["status"] != "ok"
    assert len(failure(outcome).message) < 65536


def test_a_script_bound_to_another_backend_is_a_status_of_its_own(folder: Path) -> None:
    outcome = run(folder, "raise ImportError('No module named theano', name='theano')\n")
    assert (outcome["status"], outcome["exit_code"]) == ("bound", 1)
    error = failure(outcome)
    assert error.message == "bound to the package theano: No module named theano"
    # TensorFlow is this one's own.
    assert run(folder, "raise ImportError('no', name='tensorflow.foo')\n")["status"] == "import"


def test_a_missing_data_set_is_a_status_of_its_own(folder: Path) -> None:
    text = (
        "from runner.keras_matrix_probe.data_sets import MissingDataSetError\n"
        "raise MissingDataSetError('mnist.npz is missing')\n"
    )
    outcome = run(folder, text)
    assert (outcome["status"], failure(outcome).message) == ("data", "mnist.npz is missing")


def test_an_error_that_cannot_be_told_is_a_result(folder: Path) -> None:
    text = (
        "class Broken(Exception):\n    def __str__(self):\n        raise RuntimeError('no')\n"
        "raise Broken\n"
    )
    outcome = run(folder, text)
    assert outcome["status"] == "error"
    assert failure(outcome).kind == "Broken"
