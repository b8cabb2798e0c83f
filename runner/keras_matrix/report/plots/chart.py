"""A chart: a figure with its words and its numbers; and text from outside, made fit to draw."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.figure import Figure

from keras_matrix.text import brief, one_line

# What XML 1.0 cannot hold, not even escaped; controls are gone by then.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WORDS = re.compile(r"[A-Za-z0-9]+")
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
NAMELESS = "(no name)"
LONGEST_NAME = 32
LONGEST_SLUG = 60


@dataclass(frozen=True)
class Chart:
    """A figure, and all that says the same without it.

    ``name`` is unique among the charts of a report, and safe in files and ids; ``description`` is
    for those who do not see the figure; ``header`` and ``rows`` are its numbers as a table.
    """

    name: str
    title: str
    description: str
    figure: Figure
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def clean(text: str) -> str:
    """Return text from outside on one line, without what XML cannot hold; long text cut."""
    return _NOT_XML.sub(UNKNOWN, brief(text)) or NAMELESS


def label(text: str, most: int = LONGEST_NAME) -> str:
    """Return a name short enough to draw: of a long one its beginning and its end."""
    name = _NOT_XML.sub(UNKNOWN, one_line(text)) or NAMELESS
    if len(name) <= most:
        return name
    end = most // 2
    return f"{name[: most - end - 1].rstrip()}{ELLIPSIS}{name[-end:].lstrip()}"


def slug(*parts: str) -> str:
    """Return a name for files and ids."""
    words = [word for part in parts for word in _WORDS.findall(part)]
    return "-".join(words).lower()[:LONGEST_SLUG].strip("-") or "chart"


def unique(names: Iterable[str]) -> list[str]:
    """Return names with a count at those that were there before."""
    found: list[str] = []
    for name in names:
        count, made = 1, name
        while made in found:
            count += 1
            made = f"{name}-{count}"
        found.append(made)
    return found


def listed(parts: Iterable[str], most: int = 4) -> str:
    """Return some parts in words, and how many more there are."""
    known = list(parts)
    shown = "; ".join(known[:most])
    return f"{shown}; and {len(known) - most} more" if len(known) > most else shown


def roughly(value: float) -> str:
    """Return a number with the digits that are worth a word; tables have more."""
    return f"{value:.4g}"


def counted(count: int, what: str) -> str:
    """Return a number of things."""
    return f"{count} {what}{'' if count == 1 else 's'}"
