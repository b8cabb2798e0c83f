"""Who is at work on a run, and what is left of who was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import Cell
from keras_matrix.records.files import write_atomically
from keras_matrix.records.folder import RunFolder
from keras_matrix.run import claims
from keras_matrix.run.claims import claimed
from tests.unit.records.builders import run_folder

CELLS = (Cell("tf", seed=0), Cell("tf", seed=1))
OTHERS = (Cell("theano", seed=0),)
KILLED = """
import os, signal, sys
from pathlib import Path
from keras_matrix.run.claims import claimed
from keras_matrix.plan.cells import Cell
from keras_matrix.records.folder import RunFolder, write_atomically

run = RunFolder(Path(sys.argv[1]))
os.replace = lambda source, target: os.kill(os.getpid(), signal.SIGKILL)
with claimed(run, ()):
    pass
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return run_folder(tmp_path / "run", [])


def names(run: RunFolder) -> list[str]:
    return sorted(path.name for path in run.path.iterdir())


def leave_behind(run: RunFolder) -> None:
    """Be a runner that was killed in the middle of everything."""
    (run.work / "tf-12345678" / "output" / "1").mkdir(parents=True)
    (run.work / "tf-12345678" / "output").chmod(0)
    (run.work / "0.lock").touch()
    write_atomically(run.work / "0.claim", b"{}")
    for folder in (run.path / "records", run.path / "logs", run.path / "arrays" / "tf.seed0"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".tf.seed0.json.ab_12x9z").write_bytes(b"{")
    (run.path / ".manifest.json.ab_12x9z").write_bytes(b"{")


def test_one_runner_a_cell(run: RunFolder) -> None:
    with claimed(run, CELLS):
        with claimed(run, OTHERS):
            pass
        own = f"process {os.getpid()} on .* works on these"
        with pytest.raises(ConfigurationError, match=own), claimed(run, CELLS[1:]):
            pass
        with (
            claimed(run, OTHERS),
            pytest.raises(ConfigurationError, match="wait until it ends"),
            claimed(run, (*OTHERS, Cell("cntk"))),
        ):
            pass
    with claimed(run, CELLS):
        pass
    assert not run.work.exists()


def test_what_a_dead_runner_left_is_removed(run: RunFolder) -> None:
    before = names(run)
    leave_behind(run)
    with claimed(run, CELLS):
        assert len(list(run.work.iterdir())) == 2, "the claim and its lock"
        assert not list(run.path.rglob(".*.ab_12x9z"))
    assert [name for name in names(run) if name not in ("records", "logs", "arrays")] == before


def test_what_a_live_runner_uses_is_not_removed(run: RunFolder) -> None:
    leave_behind(run)
    with claimed(run, CELLS):
        leave_behind(run)
        with claimed(run, OTHERS):
            assert (run.work / "tf-12345678").exists()
            assert len(list(run.path.rglob(".*.ab_12x9z"))) == 4
        assert (run.work / "tf-12345678").exists()
        assert len(list(run.path.rglob(".*.ab_12x9z"))) == 4
    assert not run.work.exists()
    assert not list(run.path.rglob(".*.ab_12x9z"))


def test_a_claim_ends_with_its_process_and_so_does_what_it_had_begun_to_write(
    run: RunFolder,
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, run.path], check=False, timeout=60)
    assert done.returncode == -9
    assert len(list(run.work.glob("*.lock"))) == 1
    (half,) = run.work.glob(".*.claim.*")
    assert claims.HALF_WRITTEN.fullmatch(half.name)
    with claimed(run, CELLS):
        assert not half.exists()
    assert not run.work.exists()


def test_files_of_others_stay(run: RunFolder) -> None:
    kept = [run.path / ".report.html.ab_12x9z", run.path / "records" / ".hidden"]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with claimed(run, CELLS):
        pass
    assert all(path.exists() for path in kept)
