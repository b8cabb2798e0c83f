"""What is slow to import is imported where it is used. No clock: the modules are what counts."""

import subprocess
import sys

import pytest

SLOW = {"docker", "filelock", "msgspec", "numpy", "psutil", "requests", "rich", "scipy"}


def imported_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keras_matrix", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "click" in names
    return names


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_imports_nothing_slow(arguments: list[str]) -> None:
    assert imported_by(*arguments) & SLOW == set()


def test_list_imports_no_engine_and_no_arrays() -> None:
    assert imported_by("list") & {"docker", "numpy", "requests", "rich", "scipy"} == set()
