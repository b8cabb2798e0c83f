"""The history's file: add a run, read runs back."""

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import platformdirs
from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    Table,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from keras_matrix.errors import HistoryError, KerasMatrixError, NothingSelectedError
from keras_matrix.history import rows, schema
from keras_matrix.history.summary import RunSummary, ScriptSummary
from keras_matrix.text import brief

VARIABLE = "KERAS_MATRIX_HISTORY"
FILE = "history.sqlite"
BUSY_SECONDS = 15.0
"""How long to wait for another process that writes to the history."""
DAMAGE_MESSAGES = ("malformed", "not a database", "no such", "decode")
"""Parts of SQLite's messages for a file that is not as it was written."""
REPLACE_HISTORY = "move it away, and fill a new one with keras-matrix history --add RUN"


def location(named: Path | None = None) -> Path:
    """Return the history's file: the named one, ``KERAS_MATRIX_HISTORY``, or by default the user's.

    The default is in the user's data folder, not in the cache, as the history cannot be made again
    once the results are gone.
    """
    text = os.environ.get(VARIABLE)
    if named is not None or text:
        # Not Path.expanduser, which raises an error for an unknown user.
        return Path(os.path.expanduser(named or str(text))).absolute()
    return platformdirs.user_data_path("keras-matrix") / FILE


class History:
    """An open history; a context manager that closes it."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        """Open the file; to ``write``, it is created if it is missing.

        Raises:
            NothingSelectedError: the file to read is missing, or empty.
            HistoryError: the file is unreadable, not a history, or of another schema.
        """
        self.path = path
        self._write = write
        if write:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise HistoryError(
                    f"Cannot create the folder of the history {path} ({error.strerror}); "
                    "name another file with --history."
                ) from error
        else:
            _check_present(path)
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        # The driver's own transactions begin only at the first write, which may fail because of
        # what was read before.
        event.listen(self._engine, "begin", self._begin)
        try:
            with self._transaction() as connection:
                self._check(connection)
        except KerasMatrixError:
            self.close()
            raise

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self._write else "ro"
        # A URI, since a path may hold a question mark.
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if self._write else "BEGIN")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> HistoryError:
        reason = brief(str(getattr(error, "orig", None) or error))
        if "locked" in reason or "busy" in reason:
            remedy = "another process has locked it: try again when that has ended"
        elif any(sign in reason for sign in DAMAGE_MESSAGES):
            remedy = REPLACE_HISTORY
        else:
            remedy = "check its permissions and the disk's space, or name another with --history"
        verb = "write" if self._write else "read"
        return HistoryError(f"Cannot {verb} the history {self.path} ({reason}); {remedy}.")

    def _check(self, connection: Connection) -> None:
        if schema.is_empty(connection):
            if self._write:
                schema.create(connection)
                return
            raise NothingSelectedError(
                f"The history {self.path} is empty; add runs with keras-matrix history --add RUN."
            )
        application, version = schema.version(connection)
        if application != schema.APPLICATION:
            raise HistoryError(
                f"{self.path} is the database of another program; name another with --history."
            )
        if version != schema.VERSION:
            raise HistoryError(
                f"The history {self.path} has schema {version}; this version of keras-matrix "
                f"reads {schema.VERSION}: use the one that wrote it, or name another file with "
                "--history."
            )

    def add(self, run: RunSummary) -> None:
        """Add a run, or replace it if the history has it.

        Raises:
            HistoryError: the file cannot be written.
        """
        values = rows.run_row(run)
        table = schema.runs.c
        same = (
            (table.run == run.run)
            & (table.created == values["created"])
            & (table.script_sha256 == run.script_sha256)
        )
        with self._transaction() as connection:
            run_id = connection.execute(select(table.id).where(same)).scalar_one_or_none()
            if run_id is None:
                run_id = connection.execute(insert(schema.runs).values(values)).lastrowid
            else:
                connection.execute(update(schema.runs).where(table.id == run_id).values(values))
            for part, part_rows in (
                (schema.images, rows.image_rows(run)),
                (schema.outcomes, rows.outcome_rows(run)),
                (schema.metrics, rows.metric_rows(run)),
            ):
                connection.execute(delete(part).where(part.c.run_id == run_id))
                if part_rows:
                    values_of_run = [{"run_id": run_id, **row} for row in part_rows]
                    connection.execute(insert(part), values_of_run)

    def runs(self, *, model: str | None = None, run: str | None = None) -> tuple[RunSummary, ...]:
        """Return all runs, or those of a model or of a name; oldest first.

        Runs of the same second are in the order in which they were added.

        Raises:
            HistoryError: the file cannot be read, or contains values that no version writes.
        """
        table = schema.runs.c
        chosen = select(table.id)
        if model is not None:
            chosen = chosen.where(table.model == model)
        if run is not None:
            chosen = chosen.where(table.run == run)
        ordered = select(schema.runs).where(table.id.in_(chosen)).order_by(table.created, table.id)
        with self._transaction() as connection:
            run_rows = connection.execute(ordered).mappings().all()
            parts = [
                _by_run(connection, part, chosen)
                for part in (schema.images, schema.outcomes, schema.metrics)
            ]
        with self._read():
            return tuple(
                rows.to_run(row, *(part.get(row["id"], []) for part in parts)) for row in run_rows
            )

    def scripts(self) -> tuple[ScriptSummary, ...]:
        """Return all scripts, ordered by model and place.

        Raises:
            HistoryError: the file cannot be read, or contains values that no version writes.
        """
        table = schema.runs.c
        ordered = select(schema.runs).order_by(table.model, table.place, table.created, table.id)
        with self._transaction() as connection:
            run_rows = connection.execute(ordered).mappings().all()
        with self._read():
            groups = itertools.groupby(run_rows, key=lambda row: (row["model"], row["place"]))
            return tuple(rows.to_script([*group]) for _, group in groups)

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, TypeError, RecursionError) as error:
            raise HistoryError(
                f"The history {self.path} is damaged ({brief(str(error))}); {REPLACE_HISTORY}."
            ) from error


def _check_present(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise NothingSelectedError(
            f"There is no history {path} yet: a run is added to it when it ends, an older one with "
            "keras-matrix history --add RUN."
        ) from None
    except OSError as error:
        raise HistoryError(
            f"Cannot read the history {path} ({error.strerror}); check its permissions, or name "
            "another with --history."
        ) from error


def _by_run(
    connection: Connection, part: Table, chosen: Select[tuple[int]]
) -> dict[int, list[RowMapping]]:
    """Return the rows of one table for the chosen runs, by run."""
    by_run: dict[int, list[RowMapping]] = {}
    for row in connection.execute(select(part).where(part.c.run_id.in_(chosen))).mappings():
        by_run.setdefault(row["run_id"], []).append(row)
    return by_run
