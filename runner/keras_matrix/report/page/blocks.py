"""What a page is made of: plain values, which the template turns into HTML. Pure.

All text is as it came: the template escapes it, and leaves out control sequences.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import ClassVar, TypeAlias

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.compare.reproduction import ClaimVerdict, FigureVerdict


class Tone(Enum):
    """What a badge means, by which the style sheet colours it; never told by colour alone."""

    AGREE = "agree"
    DIFFER = "differ"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    NOT_RUN = "not-run"
    REFERENCE = "reference"
    NOT_JUDGED = "not-judged"

    @property
    def mark(self) -> str:
        """A sign that tells the tone apart without colour."""
        return MARKS[self]


MARKS = {
    Tone.AGREE: "\N{CHECK MARK}",
    Tone.DIFFER: "\N{NOT EQUAL TO}",
    Tone.INCONCLUSIVE: "?",
    Tone.FAILED: "\N{MULTIPLICATION X}",
    Tone.NOT_RUN: "\N{HORIZONTAL ELLIPSIS}",
    Tone.REFERENCE: "\N{BLACK DIAMOND}",
    Tone.NOT_JUDGED: "\N{EN DASH}",
}


@dataclass(frozen=True)
class Badge:
    """A verdict: its tone, and its word."""

    tone: Tone
    word: str


def of_status(status: Status) -> Badge:
    """Return the badge of an entry of the matrix."""
    return Badge(Tone[status.name], status.value)


VERDICTS = {
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


def of_verdict(verdict: Verdict | FigureVerdict | ClaimVerdict) -> Badge:
    """Return the badge of a row, a reported figure or a claim."""
    return Badge(VERDICTS[verdict], verdict.value)


@dataclass(frozen=True)
class Datum:
    """What stands in a table: text with a second line in small, or a badge. Numbers align right."""

    text: str = ""
    small: str = ""
    badge: Badge | None = None
    numeric: bool = False
    code: bool = False


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, after a badge if it has one; a link if it leads to something (an id)."""

    kind: ClassVar[str] = "paragraph"
    text: str
    badge: Badge | None = None
    quiet: bool = False
    target: str = ""


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    kind: ClassVar[str] = "points"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]
    code: bool = False


@dataclass(frozen=True)
class DataTable:
    """A table; the first column names its rows. ``note`` says what is left out."""

    kind: ClassVar[str] = "table"
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Datum, ...], ...]
    note: str = ""

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers."""
        return tuple(
            bool(self.rows) and any(row[place].numeric for row in self.rows)
            for place in range(len(self.header))
        )


@dataclass(frozen=True)
class Drawing:
    """A chart. ``svg`` is markup of our own making, with all text from outside escaped in it.

    ``description`` says what is seen; the markup holds it too.
    """

    kind: ClassVar[str] = "drawing"
    title: str
    description: str
    svg: str
    numbers: DataTable


@dataclass(frozen=True)
class Drawings:
    """Charts side by side, as many as fit."""

    kind: ClassVar[str] = "drawings"
    items: tuple[Drawing, ...]


@dataclass(frozen=True)
class Listing:
    """Text as a program wrote it, or as it is to be typed."""

    kind: ClassVar[str] = "listing"
    label: str
    text: str


@dataclass(frozen=True)
class Fold:
    """What is there for those who ask."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: "tuple[Block, ...]"
    unfolded: bool = False


@dataclass(frozen=True)
class Card:
    """Something that has a heading, a verdict, and can be linked to."""

    kind: ClassVar[str] = "card"
    id: str
    title: str
    badge: Badge | None
    blocks: "tuple[Block, ...]"


Block: TypeAlias = (
    Paragraph | Points | Facts | DataTable | Drawing | Drawings | Listing | Fold | Card
)


@dataclass(frozen=True)
class Section:
    """A part of what there is to say of a run."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Tile:
    """An entry of the matrix, and where it leads to."""

    badge: Badge
    sentence: str
    target: str


@dataclass(frozen=True)
class Line:
    """A run in the matrix; a tile a column, None where the run has none."""

    title: str
    about: str
    target: str
    tiles: tuple[Tile | None, ...]


@dataclass(frozen=True)
class Grid:
    """The matrix of all runs, and what its signs mean."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    legend: tuple[tuple[Badge, str], ...]


@dataclass(frozen=True)
class Story:
    """All that there is to say of one run; ``run`` is its kind and name."""

    id: str
    title: str
    run: str
    about: str
    badge: Badge
    sentence: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    badge: Badge
    sentence: str
    about: str
    grid: Grid
    stories: tuple[Story, ...]
    made_by: str


def sentence(text: str) -> str:
    """Return a phrase as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
