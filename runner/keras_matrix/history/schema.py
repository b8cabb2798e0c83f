"""The tables of the history, and which version of them a file has.

Why SQLite through SQLAlchemy Core: one file in the user's data folder, which outlives the folders
of results; transactions, so that several runners write at a time; no server, nothing to compile;
statements that mypy checks, and no text of SQL to put together. The records of a run stay the
truth: ``history --add`` fills the file from them again.

The journal is SQLite's default one, not its write-ahead log: that has two more files beside the
database, does not work on network file systems, where many home folders are, and cannot be read
from a folder that is read-only. A run is one short transaction; others wait for it.
"""

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

VERSION = 1
APPLICATION = 0x4B4D7831
"""The application id in the file's header: another program's database is not a history."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", String, nullable=False),
    Column("created", String, nullable=False),  # ISO 8601, in UTC: its order is that of time
    Column("folder", String, nullable=False),
    Column("model", String, nullable=False),
    Column("place", String, nullable=False),
    Column("script_sha256", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("tool", String, nullable=False),
    Column("axes", String, nullable=False),
    Column("arguments", String, nullable=False),  # a JSON array
    Column("reference", String, nullable=False),
    Column("seeds", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("status", String, nullable=False),
    # A folder that is moved, or copied and joined, is the same run under the same name.
    UniqueConstraint("run", "created", "script_sha256"),
    Index("runs_of_model", "model", "created"),
)


def _group() -> tuple[Column[Any], ...]:
    """Return the columns that identify a group of a run: an image with one keras.json."""
    return (
        Column("run_id", ForeignKey(runs.c.id, ondelete="CASCADE"), primary_key=True),
        Column("image", String, primary_key=True),
        Column("setting", String, primary_key=True),
    )


images = Table(
    "images",
    metadata,
    *_group(),
    Column("position", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("key", String, nullable=False),
    Column("status", String, nullable=False),
)
outcomes = Table(
    "outcomes",
    metadata,
    *_group(),
    Column("outcome", String, primary_key=True),
    Column("count", Integer, nullable=False),
)
# SQLite stores NaN as NULL: in low, median and high, NULL is NaN.
metrics = Table(
    "metrics",
    metadata,
    *_group(),
    Column("metric", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("median", Float),
    Column("low", Float),
    Column("high", Float),
    Column("reference", String, nullable=False),
    Column("verdict", String),
    Column("absolute", Float),
    Column("relative", Float),
)


def version(connection: Connection) -> tuple[int, int]:
    """Return the application and the schema's version from a file's header; 0 for a new file."""
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    return int(application), int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def is_empty(connection: Connection) -> bool:
    """Return whether a database has no table."""
    count = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    return int(count) == 0


def create(connection: Connection) -> None:
    """Create the tables in an empty database, as part of the caller's transaction."""
    metadata.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
