"""Run commands in this process, in a folder with a script and without an engine."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keras_matrix.cli import invoke, stages
from keras_matrix.cli.root import cli
from keras_matrix.errors import ExitCode
from keras_matrix.load.request import RunRequest
from keras_matrix.run.session import RunResult


def without_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make that folder the current one, with a script in it, and let there be no engine."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    for name in ("DOCKER_CONTEXT", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "cache" / "data"))
    monkeypatch.delenv("KERAS_MATRIX_HISTORY", raising=False)
    monkeypatch.chdir(folder)
    (folder / "mlp").mkdir()
    (folder / "mlp" / "model.py").write_text("import keras\n")
    return folder


def run_cli(*arguments: object) -> int:
    """Run a command in this process, and return its exit code."""
    with warnings.catch_warnings():
        # docker's SDK drops the socket that it could not connect.
        warnings.simplefilter("ignore", ResourceWarning)
        code = invoke(cli, [str(argument) for argument in arguments])
        if code == ExitCode.NO_ENGINE:
            gc.collect()
    return code


def replace_cells(monkeypatch: pytest.MonkeyPatch, run: Callable[[RunRequest], RunResult]) -> None:
    """Let commands take the result of ``run`` in the place of what cells leave, with no engine."""

    @contextmanager
    def opened(request: RunRequest, *others: object) -> Iterator[RunRequest]:
        yield request

    monkeypatch.setattr(stages, "opened", opened)
    monkeypatch.setattr(stages, "build", lambda request: {})
    monkeypatch.setattr(stages, "run_cells", lambda request, images: run(request))
