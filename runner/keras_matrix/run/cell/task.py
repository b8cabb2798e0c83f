"""What a run's cells are: plain values, which could travel to where the cells run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.engine.users import CellUser
from keras_matrix.load.catalog import Image
from keras_matrix.load.script import Script
from keras_matrix.plan.cells import Group, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.run.cell.compiled_code import CompiledFor


@dataclass(frozen=True)
class Digests:
    """What cells can read, by its content: the script's folder, and that of its data if any."""

    script: str
    data: str | None


@dataclass(frozen=True, kw_only=True)
class CellTask:
    """What all cells of one run are run by; with a cell, it says all that the cell does.

    ``images`` are those of the catalog by name, ``identities`` the same as built. ``results`` is
    the folder of all runs, which cells must not read, even where it lies beside the script.
    ``data`` is the folder of data sets, if there is one; ``requests`` the folder that cells of a
    trace read their requests from, None if nothing is traced. ``digests`` are None if there are too
    many files to digest.
    """

    run: str
    plan: Plan
    script: Script
    results: Path
    data: Path | None
    digests: Digests | None
    images: Mapping[str, Image]
    identities: Mapping[str, ImageIdentity]
    user: CellUser
    runtime: str
    requests: Path | None = None

    def compiled_for(self, group: Group, cpu: str) -> CompiledFor | None:
        """Return what code of the group is compiled for; None if its backend compiles none."""
        if self.images[group.image].compiled is None:
            return None
        return CompiledFor(
            image=group.image,
            digest=self.identities[group.image].digest,
            cpu=cpu,
            script=self.script.path.name,
            script_sha256=self.script.sha256,
            beside="" if self.digests is None else f"{self.digests.script} {self.digests.data}",
        )
