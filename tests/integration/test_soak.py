"""Many cells with faults among them; the full number by ``python -m tests.integration.soak``."""

import pytest

from keras_matrix.errors import ExitCode
from keras_matrix.records.record import Outcome
from tests.integration.aftermath import DisturbedRun, essence
from tests.integration.soak import Fault, soak

pytestmark = pytest.mark.alone
CELLS = 40
FAULTS = 0.15


def test_nothing_is_lost_nothing_is_left_and_nothing_grows(
    disturbed: DisturbedRun, undisturbed: dict[str, object]
) -> None:
    result = soak(disturbed, CELLS, FAULTS)
    after = result.after
    assert after is not None
    assert list(after.outcomes.values()) == [Outcome.OK] * CELLS
    # Each backend draws first weights of its own, but no further apart than two seeds are.
    assert (after.code, after.containers_left, after.stray) == (ExitCode.AGREE, "nothing", ())
    assert result.done[Fault.HOST_KILLED] == result.done[Fault.INTERRUPTED] == 1
    assert result.done.total() + result.missed.total() == CELLS * FAULTS
    memory, files, threads = result.growth()
    assert memory < 1.2
    # Connections are kept in pools, which fill at first: fewer than one for each cell.
    assert files < CELLS / 4
    assert threads <= 2
    records = essence(disturbed.run)
    assert {name: records[name] for name in undisturbed} == undisturbed
