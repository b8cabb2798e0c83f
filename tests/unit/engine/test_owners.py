import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.engine.answers import ContainerInfo
from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner, SweepResult, host_name, sweep
from keras_matrix.engine.spec import OWNER_LABEL
from keras_matrix.errors import EngineError


def test_an_owner_is_read_as_it_was_written() -> None:
    owner = Owner.this_process()
    assert owner.pid == os.getpid()
    assert Owner.parse(owner.label()) == owner


def test_a_host_may_have_slashes_in_its_name() -> None:
    owner = Owner(host="a/b:pid:[1]", boot="x", pid=7, started=15)
    assert Owner.parse(owner.label()) == owner


@pytest.mark.parametrize(
    "label",
    ["", "host", "host/boot/1", "host/boot/x/1", "host/boot/1/x", "host///", "host/boot/0/1"],
)
def test_a_label_of_another_form_is_no_owner(label: str) -> None:
    assert Owner.parse(label) is None


def test_this_process_is_not_gone() -> None:
    assert not Owner.this_process().is_gone()


def test_setting_the_clock_ends_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner.this_process()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert Owner.this_process() == owner
    assert not owner.is_gone()


def test_a_process_that_has_ended_is_gone_even_before_its_parent_reads_its_status() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(Owner.this_process(), pid=child.pid, started=started(child.pid))
    assert not owner.is_gone()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert owner.is_gone()
    child.communicate()
    assert owner.is_gone()


def started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_number_that_is_used_again_is_another_process() -> None:
    owner = Owner.this_process()
    assert replace(owner, started=owner.started - 1).is_gone()


def test_what_ran_before_the_machine_was_started_again_is_gone() -> None:
    assert replace(Owner.this_process(), boot="another").is_gone()


def test_what_runs_on_another_host_is_not_known_to_be_gone() -> None:
    owner = Owner(host=f"not-{host_name()}", boot="another", pid=2**22 - 1, started=0)
    assert not owner.is_gone()
    assert replace(owner, host=host_name()).is_gone()


def test_another_users_process_that_proc_hides_is_not_known_to_be_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert not replace(Owner.this_process(), pid=2**22 - 1).is_gone()


def test_a_label_that_was_tampered_with_is_survived() -> None:
    # Labels are the engine's: anyone who may use it may write one.
    owner = Owner.parse(f"{host_name()}/-1/0.0")
    assert owner is None or owner.is_gone() in (True, False)


class Listing(Engine):
    """Lists containers, and removes them but for those it cannot."""

    def __init__(self, count: int, owner: Owner, stuck: int = 0) -> None:
        labels = {OWNER_LABEL: owner.label()}
        self.there = {
            str(i): ContainerInfo(id=str(i), name=f"left-{i}", labels=labels) for i in range(count)
        }
        self.stuck = {str(i) for i in range(stuck)}

    def containers(self, label: str) -> tuple[ContainerInfo, ...]:
        return tuple(self.there.values())

    def remove(self, container: str) -> bool:
        if container in self.stuck:
            raise EngineError("The container engine refused: it is busy")
        return self.there.pop(container, None) is not None


DEAD = replace(Owner.this_process(), boot="another")


def test_ten_thousand_leftovers_take_one_line() -> None:
    engine = Listing(10_000, DEAD)
    result = sweep(engine)
    assert engine.there == {}
    (line,) = result.lines()
    assert line == (
        "removed 10000 containers left over from runs that were killed: "
        "left-0, left-1, left-2 and 9997 more"
    )
    assert sweep(engine).lines() == ()


def test_one_leftover_is_named() -> None:
    (line,) = sweep(Listing(1, DEAD)).lines()
    assert line == "removed a container left over from a run that was killed: left-0"


def test_containers_of_a_live_owner_are_kept() -> None:
    engine = Listing(3, Owner.this_process())
    assert sweep(engine) == SweepResult()
    assert len(engine.there) == 3


def test_a_leftover_that_cannot_be_removed_does_not_prevent_a_run() -> None:
    result = sweep(Listing(3, DEAD, stuck=1))
    assert result.removed == ("left-1", "left-2")
    assert result.lines()[1] == (
        "a container left over from a run that was killed will be removed by the next run "
        "(The container engine refused: it is busy)"
    )


def test_a_sweep_ends_when_a_stop_is_requested_or_its_time_is_over() -> None:
    assert sweep(Listing(3, DEAD), stopped=lambda: True).remaining == 3
    (line,) = sweep(Listing(3, DEAD), seconds=-1).lines()
    assert line == (
        "3 containers left over from runs that were killed will be removed by the next run"
    )
