"""What is alive where cells run; made there, and never sent anywhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.patience import Patience
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.watch import Seen, StageFile


def _ignore(cell: Cell, seen: Seen) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where cells run: the folders there, and what is alive.

    Cells write below ``work``; what they wrote is ``collected`` out of their reach. They read the
    script in ``script``, what it was ``converted`` to if it is a notebook, and the data sets in
    ``data``, if there are any. ``cpu`` names the kind of CPU. ``connect`` makes a connection to the
    engine; it takes the seconds to wait for an answer. ``seen`` is notified, from several threads,
    of how far a cell is, and ``lost`` of what the cache fails at. ``stages`` reads how far a cell
    of a trace is.
    """

    work: Path
    collected: Path
    script: Path
    converted: Path | None = None
    data: Path | None = None
    cpu: str
    owner: Owner
    compiled: CompiledStore
    connect: Callable[[float | None], Engine]
    interrupts: Interrupts
    patience: Patience = field(default_factory=Patience)
    lost: CacheWarnings = field(default_factory=CacheWarnings)
    seen: Callable[[Cell, Seen], None] = _ignore
    stages: StageFile | None = None
