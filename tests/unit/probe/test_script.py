import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest

from keras_matrix.records.events import Failure, SourceLine
from keras_matrix_probe import script
from keras_matrix_probe.failures import describe


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
    assert (error.file, error.line) == ("model.py", 4)
    assert error.deepest == SourceLine(os.path.join("pack", "inner.py"), 2)
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
    assert error.deepest is None
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
    assert (error.kind, error.file, error.line) == ("SyntaxError", "model.py", 1)
    assert error.deepest == SourceLine("helper.py", 3)


def test_a_script_that_is_not_text_is_reported(folder: Path) -> None:
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


def test_a_callback_in_the_script_is_deeper_than_what_calls_it(folder: Path) -> None:
    (folder / "helper.py").write_text("def call(function):\n    return function()\n")
    text = "import helper\n\ndef fail():\n    raise ValueError('no')\n\nhelper.call(fail)\n"
    error = failure(run(folder, text))
    assert (error.file, error.line, error.deepest) == ("model.py", 4, None)


def test_without_a_frame_of_the_script_a_module_beside_it_is_the_place(folder: Path) -> None:
    (folder / "helper.py").write_text(
        "import sys\n\ndef hook(kind, value, trace):\n    raise ValueError('no')\n"
    )
    frames = compile("import helper\nhelper.hook(1, 2, 3)\n", "elsewhere", "exec")
    sys.path.insert(0, str(folder))
    with pytest.raises(ValueError, match="no") as raised:
        exec(frames, {})  # noqa: S102 # our own lines, nested
    error = msgspec.convert(describe(raised.value, str(folder / "model.py")), Failure)
    assert (error.file, error.line, error.deepest) == ("helper.py", 4, None)


PROBE = os.path.dirname(script.__file__)
# As Theano writes where a variable was made.
BACKTRACE = (
    "Bad input at index 1.\n"
    "Backtrace when that variable is created:\n\n"
    f'  File "{PROBE}/__main__.py", line 67, in run\n'
    "    outcome = script.run(path)\n"
    '  File "/usr/lib/python3.6/runpy.py", line 263, in run_path\n'
    "    pkg_name=pkg_name)\n"
    '  File "/usr/lib/python3.6/keras/engine.py", line 254, in placeholder\n'
    "    x = T.TensorType(dtype)\n"
    "Wrong number of dimensions."
)


def test_no_frame_of_the_probe_is_shown(folder: Path) -> None:
    error = failure(run(folder, f"raise TypeError({BACKTRACE!r})\n"))
    assert error.message == (
        "Bad input at index 1.\n"
        "Backtrace when that variable is created:\n\n"
        '  File "/usr/lib/python3.6/keras/engine.py", line 254, in placeholder\n'
        "    x = T.TensorType(dtype)\n"
        "Wrong number of dimensions."
    )
    assert error.traceback.endswith(f"TypeError: {error.message}\n")
    # Nor those of a wrapper between the script and what it called.
    text = "from keras_matrix_probe.workspace import mirror\nmirror('no such folder', 'target')\n"
    error = failure(run(folder, text))
    assert error.kind == "FileNotFoundError"
    assert 'File "model.py", line 2' in error.traceback
    assert "workspace.py" not in error.traceback


@pytest.mark.parametrize(
    "text",
    [
        "from urllib.error import URLError\nraise URLError('no')\n",
        "import socket\nraise socket.gaierror(-3, 'no')\n",
        "raise ConnectionRefusedError\n",
        "try:\n    raise ConnectionError\nexcept OSError:\n    raise ValueError('so')\n",
        "raise ValueError('so') from ConnectionError()\n",
        "try:\n    raise ConnectionError\nexcept OSError:\n    raise SystemExit('so')\n",
    ],
)
def test_a_failure_for_want_of_a_network_has_a_hint(folder: Path, text: str) -> None:
    outcome = run(folder, text)
    assert outcome["status"] in ("error", "exit")
    assert failure(outcome).hint == (
        "a cell has no network: put the file beside the script, or into the folder given with "
        "--data"
    )


@pytest.mark.parametrize("text", ["raise BrokenPipeError\n", "raise OSError\n", "1 / 0\n"])
def test_other_failures_have_no_hint(folder: Path, text: str) -> None:
    assert failure(run(folder, text)).hint == ""


def test_a_failure_that_is_its_own_cause_is_reported(folder: Path) -> None:
    text = "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a\n"
    assert failure(run(folder, text)).message == "a"


def test_a_module_that_the_image_lacks_may_be_brought(folder: Path) -> None:
    hint = failure(run(folder, "import no_such_module\n")).hint
    assert hint.startswith("the image does not hold it: put it beside the script")
    assert failure(run(folder, "from os import no_such_name\n")).hint == ""
    # Another backend is not to be brought along.
    assert failure(run(folder, "raise ModuleNotFoundError('no', name='theano')\n")).hint == ""


def test_a_file_of_a_newer_numpy_is_no_import_of_the_scripts(folder: Path) -> None:
    pickled = pickle.dumps(numpy.zeros(2), protocol=0)
    newer = re.sub(rb"numpy\._?core\.multiarray", b"numpy._core_of_a_newer_one", pickled)
    outcome = run(folder, f"import pickle\npickle.loads({newer!r})\n")
    assert outcome["status"] == "error"
    assert "written by a newer NumPy" in failure(outcome).hint
    outcome = run(folder, "import numpy._core_of_a_newer_one\n")
    assert outcome["status"] == "import"
    assert "the image does not hold it" in failure(outcome).hint


def test_a_script_that_says_what_it_needs_is_bound(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(folder, "raise SystemExit('This needs the Theano backend.')\n")
    assert (outcome["status"], outcome["exit_code"]) == ("bound", 1)
    assert failure(outcome).message == (
        "bound to the theano backend: This needs the Theano backend."
    )
    # As Python prints it.
    assert capsys.readouterr().err == "This needs the Theano backend.\n"


def test_the_record_has_a_long_message_whole(folder: Path) -> None:
    assert failure(run(folder, "raise ValueError('x' * 9000)\n")).message == "x" * 9000


def test_a_script_bound_to_another_backend_is_a_status_of_its_own(folder: Path) -> None:
    outcome = run(folder, "raise ImportError('No module named theano', name='theano')\n")
    assert (outcome["status"], outcome["exit_code"]) == ("bound", 1)
    error = failure(outcome)
    assert error.message == "bound to the package theano: No module named theano"
    # TensorFlow is this one's own.
    assert run(folder, "raise ImportError('no', name='tensorflow.foo')\n")["status"] == "import"


def test_a_missing_data_set_is_a_status_of_its_own(folder: Path) -> None:
    text = (
        "from keras_matrix_probe.failures import MissingDataSetError\n"
        "raise MissingDataSetError('mnist.npz is missing')\n"
    )
    outcome = run(folder, text)
    assert (outcome["status"], failure(outcome).message) == ("data", "mnist.npz is missing")


def test_an_error_without_a_printable_message_is_a_result(folder: Path) -> None:
    text = (
        "class Broken(Exception):\n    def __str__(self):\n        raise RuntimeError('no')\n"
        "raise Broken\n"
    )
    outcome = run(folder, text)
    assert outcome["status"] == "error"
    assert failure(outcome).kind == "Broken"
