import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runner.cell.ownership import Owner, host_name


def test_an_owner_is_read_as_it_was_written() -> None:
    owner = Owner.this_process()
    assert owner.pid == os.getpid()
    assert Owner.parse(owner.label()) == owner


def test_a_host_may_have_slashes_in_its_name() -> None:
    owner = Owner(host="a/b:pid:[1]", pid=7, started=1.5)
    assert Owner.parse(owner.label()) == owner


@pytest.mark.parametrize("label", ["", "host", "host/1", "host/x/1.0", "host/1/x", "host//"])
def test_another_label_is_no_owner(label: str) -> None:
    assert Owner.parse(label) is None


def test_this_process_is_there() -> None:
    assert not Owner.this_process().is_gone()


def test_a_process_that_has_ended_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(Owner.this_process(), pid=child.pid)
    child.communicate()
    assert owner.is_gone()


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert replace(Owner.this_process(), started=Owner.this_process().started - 3600).is_gone()


def test_a_start_time_is_not_exact() -> None:
    assert not replace(Owner.this_process(), started=Owner.this_process().started + 0.5).is_gone()


def test_what_runs_on_another_host_is_not_known_to_be_gone() -> None:
    owner = Owner(host=f"not-{host_name()}", pid=2**22 + 1, started=0.0)
    assert not owner.is_gone()
    assert replace(owner, host=host_name()).is_gone()


def test_a_label_that_was_tampered_with_is_survived() -> None:
    # Labels are the engine's: anyone who may use it may write one.
    owner = Owner.parse(f"{host_name()}/-1/0.0")
    assert owner is None or owner.is_gone() in (True, False)
