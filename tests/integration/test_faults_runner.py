"""The runner is killed, or asked to stop, at each moment of a run."""

from typing import Any

import pytest
from aftermath import Disturbed, essence
from tables import Report

SECTION = "The runner itself"


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        ("creating a container", ("--at", "runner.engine:Engine.create", "--after", "kill")),
    ],
)
def test_kill_9(
    moment: str,
    fault: tuple[str, ...],
    disturbed: Disturbed,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    after = disturbed.fails(*fault)
    assert after.code == -9
    resumed = disturbed.resumed()
    assert resumed.code == 0, resumed.err
    assert essence(disturbed.run) == undisturbed
    report_row(
        *("faults", SECTION, f"SIGKILL while {moment}"),
        *(after.told, after.code, after.disk, after.left, resumed.disk),
    )
