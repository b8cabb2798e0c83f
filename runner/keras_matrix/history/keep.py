"""Take a run into the history, from its records on disk."""

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Comparison
from keras_matrix.errors import ConfigurationError
from keras_matrix.history.database import History
from keras_matrix.history.summary import summarize
from keras_matrix.records.folder import RunFolder
from keras_matrix.trace.result import TRACE_FILE


def add(history: History, folder: RunFolder, comparison: Comparison) -> None:
    """Add a run that was just compared, or replace what is known of it.

    Raises:
        KerasMatrixError: the run is damaged, or the history cannot be written.
    """
    run = summarize(folder.manifest(), folder.records(), comparison, str(folder.path))
    history.add(run)


def add_from_disk(history: History, folder: RunFolder) -> None:
    """Compare a run by the rules found beside its model, and add it.

    Raises:
        KerasMatrixError: it is damaged, holds nothing, is a trace or one of tests, or the history
            cannot be written.
    """
    if (folder.path / TRACE_FILE).exists():
        raise ConfigurationError(
            f"{folder.path} is a trace, whose training is no run's; the history takes runs only."
        )
    if any(record.observation.suite.told for record in folder.records()):
        raise ConfigurationError(
            f"{folder.path} is a run of tests, which have no metrics; the history takes scripts'."
        )
    add(history, folder, assess.compare_run(folder, ()))
