from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.run.machine import cores, cpu_key, idle_containers, jobs, lanes

GIB = 2**30


def topology(folder: Path, *siblings: str) -> Path:
    for cpu, text in enumerate(siblings):
        path = folder / f"cpu{cpu}" / "topology"
        path.mkdir(parents=True)
        (path / "thread_siblings_list").write_text(text + "\n")
    return folder


def test_threads_of_a_core_belong_together(tmp_path: Path) -> None:
    path = topology(tmp_path, "0,2", "1,3", "0,2", "1,3")
    assert cores((0, 1, 2, 3), path) == ((0, 2), (1, 3))
    assert cores((1, 2, 3), path) == ((1, 3), (2,))


def test_where_nothing_tells_each_cpu_is_a_core(tmp_path: Path) -> None:
    assert cores((0, 1), tmp_path) == ((0,), (1,))


def test_no_two_lanes_share_a_core() -> None:
    assert lanes(((0, 2), (1, 3)), 1.0) == ((0,), (1,))
    assert lanes(((0,), (1,), (2,), (3,), (4,)), 2.0) == ((0, 1), (2, 3))
    assert lanes(((0,), (1,)), 0.5) == ((0,), (1,))
    assert lanes(((0,), (1,)), 1.5) == ((0, 1),)


def test_a_cell_with_more_cpus_than_cores_gets_all_there_are() -> None:
    assert lanes(((0, 2), (1, 3)), 4.0) == ((0, 2, 1, 3),)
    assert lanes(((0,), (1,)), 8.0) == ((0, 1),)


def test_as_many_jobs_as_have_cpus_and_memory() -> None:
    assert jobs(None, 8, 4 * GIB, 64 * GIB) == 8
    assert jobs(None, 8, 4 * GIB, 16 * GIB) == 3
    assert jobs(None, 8, 4 * GIB, 4 * GIB) == 1
    assert jobs(2, 8, 4 * GIB, 64 * GIB) == 2


@pytest.mark.parametrize(("memory", "short"), [(4, "CPUs"), (32, "memory")])
def test_more_jobs_than_fit_are_refused(memory: int, short: str) -> None:
    with pytest.raises(ConfigurationError, match=f"that the {short} of this machine"):
        jobs(9, 8, memory * GIB, 64 * GIB)


def test_a_limit_that_the_machine_cannot_reach_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"^--memory is more than the 2\.0 GiB"):
        jobs(None, 8, 4 * GIB, 2 * GIB)


def test_waiting_containers_have_memory_left() -> None:
    assert idle_containers(2, 2, 4 * GIB, 24 * GIB) == 4
    assert idle_containers(2, 2, 4 * GIB, 10 * GIB) == 1
    assert idle_containers(1, 1, 4 * GIB, 4 * GIB) == 0


def test_a_cpu_is_named_by_what_it_can_do() -> None:
    assert cpu_key({"model name": "A", "flags": "avx2"}) != cpu_key({"model name": "A"})
    assert cpu_key() == cpu_key()
