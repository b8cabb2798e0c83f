"""What all cells of a run share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.patience import Patience
from keras_matrix.engine.users import CellUser
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.script import Script
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.records.cache import Lost
from keras_matrix.records.folder import RunFolder
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.watch import Seen, Stages


@dataclass(frozen=True)
class Traced:
    """What looks into models need: the folder that cells read, and where what they saw goes.

    ``stages`` is where a cell says how far its look is.
    """

    folder: Path
    keep: Path
    stages: Stages


@dataclass(frozen=True)
class Digests:
    """What cells can read, by its content: the script's folder, and that of its data if any."""

    script: str
    data: str | None


def _nobody(cell: Cell, seen: Seen) -> None:
    """Hear nothing."""


@dataclass(frozen=True, kw_only=True)
class CellContext:
    """What all cells of a run share. ``script_folder`` is the one that cells can read.

    ``data`` is the folder of data sets, if there is one; ``converted`` the script made of a
    notebook; ``cpu`` the kind of CPU; ``user`` whom cells run as; ``runtime`` what the engine runs
    them with; ``traced`` is there if models are looked into; ``digests`` None if there is too much
    to tell. ``seen`` hears, from several threads, how far a cell is, and ``lost`` what the cache
    fails at. ``patience`` is that with the engine.
    """

    engine: Engine
    interrupts: Interrupts
    owner: Owner
    plan: Plan
    script: Script
    script_folder: Path
    run: RunFolder
    compiled: CompiledStore
    cpu: str
    user: CellUser
    runtime: str = ""
    data: Path | None = None
    converted: Path | None = None
    traced: Traced | None = None
    digests: Digests | None = None
    seen: Callable[[Cell, Seen], None] = _nobody
    lost: Lost = field(default_factory=Lost)
    patience: Patience = field(default_factory=Patience)
