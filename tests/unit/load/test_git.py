"""The commit that a script's repository is at."""

import os
import subprocess
from pathlib import Path

import pytest

from keras_matrix.load import git as commits


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a git of ours first: it prints what ``said`` holds, and its surroundings."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$PWD|$*|$GIT_DIR" > {tmp_path}/asked\ncat {tmp_path}/said\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_the_commit_is_that_of_the_scripts_folder(
    git: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a hook, where git would look into the hook's repository.
    monkeypatch.setenv("GIT_DIR", "/elsewhere/.git")
    (git / "said").write_text(f"{'a' * 40}\n")
    folder = git / "models"
    folder.mkdir()
    assert commits.head(folder) == "a" * 40
    where, asked, directory = (git / "asked").read_text().strip().split("|")
    assert (Path(where), directory) == (folder, "")
    assert asked.startswith("rev-parse ")


@pytest.mark.parametrize("said", ["", "HEAD\n", "a" * 39, "fatal: not a git repository", "\xff"])
def test_what_is_no_commit_is_none(said: str, git: Path) -> None:
    (git / "said").write_bytes(said.encode("latin-1"))
    assert commits.head(git) == ""


def test_a_repository_of_longer_digests(git: Path) -> None:
    (git / "said").write_text(f"{'b' * 64}\n")
    assert commits.head(git) == "b" * 64


def test_without_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commits.head(tmp_path) == ""


def test_a_folder_in_no_repository_has_none(tmp_path: Path) -> None:
    assert commits.head(tmp_path) == ""


def test_git_that_takes_forever(git: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*given: object, **named: object) -> None:
        raise subprocess.TimeoutExpired("git", commits.TIMEOUT)

    monkeypatch.setattr(subprocess, "run", run)
    assert commits.head(git) == ""
