"""A run, read from disk once and handed on to all who compare, report, send or keep it."""

from dataclasses import dataclass

from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import RunKind
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Manifest, Outcome, Record
from keras_matrix.text import relative


@dataclass(frozen=True)
class RecordedRun:
    """A run as it is on disk: its folder, its manifest, and the records of cells that have one."""

    folder: RunFolder
    manifest: Manifest
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.manifest.run

    @property
    def good(self) -> tuple[Record, ...]:
        """The records of cells that ended well."""
        return tuple(record for record in self.records if record.outcome is Outcome.OK)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of cells without a score."""
        return tuple(record for record in self.records if record.outcome is not Outcome.OK)

    @property
    def planned(self) -> tuple[str, ...]:
        """The ids of all planned cells."""
        return tuple(cell.id for cell in self.manifest.plan.cells)


def read(folder: RunFolder) -> RecordedRun:
    """Read a run from disk.

    Raises:
        StoreError: it is not a run, or is damaged.
    """
    manifest = folder.manifest()
    return RecordedRun(folder, manifest, folder.records(manifest.plan))


def require_figures(folder: RunFolder, manifest: Manifest) -> None:
    """Refuse a run that is not of a script: the captures of a trace, and tests, have no figures.

    Compared as if they had, tests would agree in all of them, and the captures of a cell, which
    differ on purpose, would be taken for repeats that disagree.

    Raises:
        ConfigurationError: it is a trace, or a run of tests.
    """
    if manifest.kind is RunKind.TRACE or manifest.kind is RunKind.TESTS:
        raise ConfigurationError(
            f"{folder.path} is {manifest.kind.words}, which has no figures to compare with those "
            f"of a run; open it with 'keras-matrix report {relative(folder.path)}'."
        )
