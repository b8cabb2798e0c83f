"""Replicates that are forked, compiled code that is kept, finished work that is not done again."""

import os
from pathlib import Path

import docker
import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.cell.compiled_code import CompiledStore
from tests.integration.conftest import SCRIPTS, Done, keras_matrix

COPY = "test ! -d /opt/keras-matrix/compiled || cp -r /opt/keras-matrix/compiled /scratch/theano"

pytestmark = pytest.mark.usefixtures("images")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run(script: str, results: Path, cache: Path, *options: object) -> Done:
    done = keras_matrix(
        *("run", SCRIPTS / f"{script}.py", "--results", results, *options),
        KERAS_MATRIX_CACHE=str(cache),
    )
    assert done.returncode in (0, 7), done.stdout + done.stderr
    return done


def newest(results: Path) -> RunFolder:
    return RunFolder(
        max(results.iterdir(), key=lambda run: (run / "manifest.json").stat().st_mtime)
    )


def line(log: bytes, word: str) -> str:
    (found,) = [one for one in log.decode().splitlines() if one.startswith(word)]
    return found


@pytest.mark.parametrize("image", ["tf", "theano"])
def test_a_forked_replicate_gives_what_a_fresh_process_gives(
    image: str, results: Path, cache: Path, client: docker.DockerClient
) -> None:
    run("draws", results, cache, "--on", image, "--jobs", 1, "--seeds", 2, "--", 11)
    folder = newest(results)
    logs = [folder.log_path(record.cell).read_bytes() for record in folder.records()]
    identity = folder.manifest().images[image]
    fresh = client.containers.run(
        identity.id,
        # With what is compiled in the image, as a cell has it.
        ["sh", "-c", f"{COPY}; exec python /script/draws.py 11"],
        environment={
            "KERAS_BACKEND": {"tf": "tensorflow", "theano": "theano"}[image],
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "HOME": "/scratch",
        },
        volumes={str(SCRIPTS): {"bind": "/script", "mode": "ro"}},
        tmpfs={"/scratch": "exec,mode=1777"},
        network_mode="none",
        remove=True,
    )
    figures = line(fresh, "FIGURES")
    assert [line(log, "FIGURES") for log in logs] == [figures, figures]


@pytest.mark.parametrize("isolation", ["process", "container"])
def test_a_replicate_finds_nothing_of_the_one_before(
    isolation: str, results: Path, cache: Path, client: docker.DockerClient
) -> None:
    run(
        "leaves_things",
        *(results, cache, "--on", "tf", "--jobs", 1, "--seeds", 2, "--isolation", isolation),
    )
    folder = newest(results)
    for record in folder.records():
        assert line(folder.log_path(record.cell).read_bytes(), "FOUND") == "FOUND []"


def compiled(results: Path) -> list[int]:
    """Return how many modules each cell of the newest run compiled."""
    records = newest(results).records()
    return [sum(call.compiled for call in record.observation.calls) for record in records]


def test_what_theano_compiled_is_not_compiled_again(results: Path, cache: Path) -> None:
    options = ("--on", "theano", "--jobs", 1, "--fresh")
    cold = run("compiles", results, cache, *options, "--seeds", 3)
    first, *others = compiled(results)
    assert first > 0
    assert others == [0, 0], "the replicates of one container share what it compiled"
    assert "in 1 of 3 cells (cold)" in cold.stdout
    warm = run("compiles", results, cache, *options, "--seeds", 2, "--isolation", "container")
    assert compiled(results) == [0, 0], "and so do other containers"
    assert "cold" not in warm.stdout

    (module,) = list(cache.glob("compiled/*/entries/*/*.so"))[:1]
    module.write_bytes(b"not a module")
    run("compiles", results, cache, *options, "--seeds", 2)
    first, second = compiled(results)
    assert first <= 1, "what is damaged is left out, and compiled again if it is needed"
    assert second == 0
    run("compiles", results, cache, *options, "--seeds", 1)
    assert compiled(results) == [0]

    listed = keras_matrix("cache", "list", KERAS_MATRIX_CACHE=str(cache))
    assert "compiles.py on theano" in listed.stdout
    assert keras_matrix("cache", "clear", KERAS_MATRIX_CACHE=str(cache)).returncode == 0
    assert CompiledStore(cache / "compiled").kept() == ()


def test_a_script_that_fails_leaves_nothing_in_the_cache(
    results: Path, cache: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script" / "fails.py"
    script.parent.mkdir()
    script.write_text((SCRIPTS / "compiles.py").read_text() + "raise SystemExit(3)\n")
    done = keras_matrix(
        *("run", script, "--on", "theano", "--results", results), KERAS_MATRIX_CACHE=str(cache)
    )
    assert done.returncode == 3
    (record,) = newest(results).records()
    assert record.outcome is Outcome.SCRIPT_ERROR
    assert record.observation.calls[0].compiled > 0
    assert CompiledStore(cache / "compiled").kept() == ()


def test_only_what_changed_runs_again(results: Path, cache: Path, tmp_path: Path) -> None:
    script = tmp_path / "script" / "tiny.py"
    script.parent.mkdir()
    script.write_bytes((SCRIPTS / "tiny.py").read_bytes())

    def reused(*options: object) -> list[bool]:
        done = keras_matrix(
            *("run", script, "--on", "tf", "--results", results, *options),
            KERAS_MATRIX_CACHE=str(cache),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        records: tuple[Record, ...] = newest(results).records()
        found = [record.reused is not None for record in records]
        assert (f"reused: {sum(found)} of {len(found)} cells" in done.stdout) is any(found)
        return found

    assert reused("--seeds", 2) == [False, False]
    assert reused("--seeds", 3) == [True, True, False]
    assert reused("--seeds", 1, "--fresh") == [False]
    assert reused("--seeds", 1, "--memory", "3g") == [False]
    (script.parent / "data.csv").write_text("1,2\n")
    assert reused("--seeds", 1) == [False]
    (script.parent / "data.csv").unlink()
    assert reused("--seeds", 1) == [True]


def test_cells_run_side_by_side_on_cpus_of_their_own(results: Path, cache: Path) -> None:
    count = len(os.sched_getaffinity(0))
    run("tiny", results, cache, "--on", "tf", "--seeds", 2 * count)
    pinned = []
    for record in newest(results).records():
        assert record.observation.environment is not None
        pinned.append(tuple(record.observation.environment.cpus))
    assert all(len(cpus) == 1 for cpus in pinned)
    assert len(set(pinned)) > 1 or count == 1
