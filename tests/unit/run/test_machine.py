import os
from pathlib import Path

import pytest

from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.security import Security
from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import Limits
from keras_matrix.run import machine
from keras_matrix.run.machine import (
    cores,
    cpu_key,
    engine_cores,
    engine_cpu,
    idle_containers,
    jobs,
    lanes,
    own_memory,
    share_out,
)

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
    with pytest.raises(ConfigurationError, match=f"that the {short} of the engine's machine"):
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


def facts(cpus: int, memory: int) -> EngineFacts:
    return EngineFacts(
        version="20.10",
        platform="Linux, x86_64",
        cpus=cpus,
        memory=memory,
        limits={},
        security=Security(),
        runtimes=("runc",),
        default_runtime="runc",
    )


@pytest.fixture
def own_cpus(monkeypatch: pytest.MonkeyPatch) -> tuple[int, ...]:
    """Let this process have 2 of the 8 CPUs of its machine."""
    cpus = (4, 5)
    monkeypatch.setattr(machine, "available_cpus", lambda: cpus)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    return cpus


@pytest.mark.parametrize("cpus", [0, 2, 8])
def test_an_engine_with_the_same_cpus_is_on_this_machine(
    own_cpus: tuple[int, ...], cpus: int
) -> None:
    numbers = [cpu for core in engine_cores(facts(cpus, GIB)) for cpu in core]
    assert sorted(numbers) == list(own_cpus)
    assert engine_cpu(facts(cpus, GIB)) == cpu_key()


@pytest.mark.usefixtures("own_cpus")
def test_an_engine_elsewhere_counts_its_cpus_from_0() -> None:
    assert engine_cores(facts(3, GIB)) == ((0,), (1,), (2,))
    kinds = {engine_cpu(facts(3, GIB)), engine_cpu(facts(4, GIB)), cpu_key()}
    assert len(kinds) == 3


@pytest.mark.usefixtures("own_cpus")
def test_caps_are_those_of_the_engines_machine() -> None:
    limits = Limits(memory=4 * GIB)
    small = share_out(limits, None, facts(3, 5 * GIB))
    assert (small.jobs, small.lanes) == (1, ((0,), (1,), (2,)))
    assert share_out(limits, None, facts(6, 64 * GIB)).jobs == 6
    with pytest.raises(ConfigurationError, match=r"2\.0 GiB that the engine's machine has"):
        share_out(limits, None, facts(3, 2 * GIB))
    with pytest.raises(ConfigurationError, match="--jobs 2"):
        share_out(limits, 2, facts(3, 5 * GIB))


def test_an_engine_that_reports_no_memory_has_that_of_this_machine() -> None:
    memory = own_memory()
    assert share_out(Limits(memory=memory), None, facts(0, 0)).jobs == 1
    with pytest.raises(ConfigurationError, match="--memory"):
        share_out(Limits(memory=memory + 1), None, facts(0, 0))
