"""The runs behind a comparison, for reports that tell of their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import RunKind
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Manifest, Outcome, Record


@dataclass(frozen=True)
class RecordedRun:
    """A run as it is on disk: its manifest, and the records of the cells that have one."""

    manifest: Manifest
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.manifest.run

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of cells without a score."""
        return tuple(record for record in self.records if record.outcome is not Outcome.OK)


def read(folders: Sequence[RunFolder]) -> tuple[RecordedRun, ...]:
    """Read runs from disk.

    Raises:
        KerasMatrixError: a run is damaged.
    """
    return tuple(RecordedRun(folder.manifest(), folder.records()) for folder in folders)


def require_figures(folder: RunFolder, manifest: Manifest) -> None:
    """Refuse a run that is not of a script: the captures of a trace, and tests, have no figures.

    Compared as if they had, tests would agree in all of them, and the captures of a cell, which
    differ on purpose, would be taken for repeats that disagree.

    Raises:
        ConfigurationError: it is a trace, or a run of tests.
    """
    if manifest.kind is RunKind.TRACE or manifest.kind is RunKind.TESTS:
        raise ConfigurationError(
            f"{folder.path} is {manifest.kind.words}, which has no figures to compare; "
            f"see it with 'keras-matrix report {folder.name}'."
        )
