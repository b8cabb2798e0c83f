"""The parts of a page as plain values, which the template turns into HTML. Pure.

Texts may come from outside: the template escapes them and removes control sequences.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import ClassVar, TypeAlias

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import MatrixEntry, Status
from keras_matrix.compare.reproduction import ClaimVerdict, FigureVerdict
from keras_matrix.text import and_more


class Tone(Enum):
    """The meaning of a badge; its value is the class by which the style sheet colours it."""

    AGREE = "agree"
    DIFFER = "differ"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    NOT_RUN = "not-run"
    REFERENCE = "reference"
    NOT_JUDGED = "not-judged"

    @property
    def symbol(self) -> str:
        """A character that tells the tone from others without colour."""
        return TONE_SYMBOLS[self]


TONE_SYMBOLS = {
    Tone.AGREE: "\N{CHECK MARK}",
    Tone.DIFFER: "\N{NOT EQUAL TO}",
    Tone.INCONCLUSIVE: "?",
    Tone.FAILED: "\N{MULTIPLICATION X}",
    Tone.NOT_RUN: "\N{HORIZONTAL ELLIPSIS}",
    Tone.REFERENCE: "\N{BLACK DIAMOND}",
    Tone.NOT_JUDGED: "\N{EN DASH}",
}

VERDICT_TONES = {
    Verdict.AGREE: Tone.AGREE,
    Verdict.DIFFER: Tone.DIFFER,
    Verdict.MISSING: Tone.DIFFER,
    Verdict.INCONCLUSIVE: Tone.INCONCLUSIVE,
    Verdict.REPORTED: Tone.NOT_JUDGED,
    FigureVerdict.CONSISTENT: Tone.AGREE,
    FigureVerdict.INCONSISTENT: Tone.DIFFER,
    FigureVerdict.NOT_COMPARABLE: Tone.NOT_JUDGED,
    ClaimVerdict.SUPPORTED: Tone.AGREE,
    ClaimVerdict.CONTRADICTED: Tone.DIFFER,
    ClaimVerdict.NOT_SUPPORTED: Tone.INCONCLUSIVE,
    ClaimVerdict.NOT_COMPARABLE: Tone.NOT_JUDGED,
}


@dataclass(frozen=True)
class Badge:
    """A verdict: its word, in a tone."""

    tone: Tone
    word: str


def status_badge(status: Status) -> Badge:
    """Return the badge of an entry of the matrix."""
    return Badge(Tone[status.name], status.value)


def verdict_badge(verdict: Verdict | FigureVerdict | ClaimVerdict) -> Badge:
    """Return the badge of a metric, of a reported figure or of a claim."""
    return Badge(VERDICT_TONES[verdict], verdict.value)


def entry_title(entry: MatrixEntry) -> str:
    """Return the title of an entry's details: its name, and that of its reference."""
    return f"{entry.name} against {entry.reference}" if entry.reference else entry.name


@dataclass(frozen=True)
class TableCell:
    """The content of a table's cell: a badge, or text with smaller lines below it.

    A column with a ``numeric`` cell is aligned to the right.
    """

    text: str = ""
    small: str = ""
    badge: Badge | None = None
    numeric: bool = False
    code: bool = False


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a link if it has a ``target`` (an id)."""

    kind: ClassVar[str] = "paragraph"
    text: str
    badge: Badge | None = None
    quiet: bool = False
    target: str = ""


@dataclass(frozen=True)
class BulletList:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """A list of names with their values."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DataTable:
    """A table; the first column names the rows, ``note`` says what is left out.

    Where there is no room for its columns, it scrolls, or if it ``stacks``, the figures of a row
    stand below each other, each with its column's name.
    """

    kind: ClassVar[str] = "table"
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    note: str = ""
    stacks: bool = False

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether it holds numbers."""
        return tuple(
            any(row[column].numeric for row in self.rows) for column in range(len(self.header))
        )


@dataclass(frozen=True)
class DrawnChart:
    """A chart with its numbers.

    ``svg`` is markup made by this program, in which all text from outside is escaped; it contains
    the ``description`` too.
    """

    title: str
    description: str
    svg: str
    numbers: DataTable


@dataclass(frozen=True)
class ChartGroup:
    """Charts one below the other."""

    kind: ClassVar[str] = "charts"
    charts: tuple[DrawnChart, ...]


@dataclass(frozen=True)
class Listing:
    """The output of a program, a script, or a command to type."""

    kind: ClassVar[str] = "listing"
    label: str
    text: str


@dataclass(frozen=True)
class Details:
    """Blocks that are hidden until the reader opens them, unless ``unfolded``."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: "tuple[Block, ...]"
    unfolded: bool = False


@dataclass(frozen=True)
class Card:
    """Blocks in a frame, with a heading that links can lead to."""

    kind: ClassVar[str] = "card"
    id: str
    title: str
    badge: Badge | None
    blocks: "tuple[Block, ...]"


Block: TypeAlias = (
    Paragraph | BulletList | Facts | DataTable | ChartGroup | Listing | Details | Card
)


@dataclass(frozen=True)
class Section:
    """Blocks under a heading, one part of a run's report."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Tile:
    """An entry of the matrix; ``target`` is the id of its details."""

    badge: Badge
    sentence: str
    target: str


@dataclass(frozen=True)
class GridRow:
    """A run in the matrix: a tile for each column, None for a column that the run lacks."""

    title: str
    subtitle: str
    target: str
    tiles: tuple[Tile | None, ...]


@dataclass(frozen=True)
class Grid:
    """The matrix of all runs; ``legend`` says what each badge means."""

    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]
    legend: tuple[tuple[Badge, str], ...]


@dataclass(frozen=True)
class RunReport:
    """The report of one run; ``run`` is the run's kind and name."""

    id: str
    title: str
    run: str
    subtitle: str
    badge: Badge
    sentence: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Page:
    """The whole page; ``generator`` is the program and version that made it."""

    title: str
    badge: Badge
    sentence: str
    subtitle: str
    grid: Grid
    reports: tuple[RunReport, ...]
    generator: str


def as_sentence(phrase: str) -> str:
    """Return a phrase with a capital letter and a full stop."""
    return f"{phrase[:1].upper()}{phrase[1:]}."


def left_out(count: int, noun: str, where: str, nouns: str = "") -> str:
    """Say how many things a page leaves out, and where they are; an empty text for none."""
    return f"{and_more(count, noun, nouns)}, {where}." if count > 0 else ""
