"""A chart: a figure with its description and its numbers; and names from outside, fit to draw."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.figure import Figure

from keras_matrix.text import brief, listed, one_line

# Characters that XML 1.0 forbids even as references; control characters are removed before.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WORDS = re.compile(r"[A-Za-z0-9]+")
REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"
NO_NAME = "(no name)"
MAX_LABEL_LENGTH = 32
"""Characters of a name in a figure."""
MAX_SLUG_LENGTH = 60
"""Characters of a chart's name in files and ids, without a number at its end."""
MAX_LISTED = 4
"""Parts that a description lists before it counts the rest."""


@dataclass(frozen=True)
class Chart:
    """A figure, with a text and a table that say the same.

    ``name`` is unique among the charts of a report, and safe in file names and ids;
    ``description`` is for readers who do not see the figure; ``header`` and ``rows`` are the
    figure's numbers as a table.
    """

    name: str
    title: str
    description: str
    figure: Figure
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def clean(text: str) -> str:
    """Put a text from outside on one line, without what XML forbids; shorten a long one."""
    return _NOT_XML.sub(REPLACEMENT_CHARACTER, brief(text)) or NO_NAME


def short_label(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Shorten a name for a figure: a long one keeps its beginning and its end."""
    name = _NOT_XML.sub(REPLACEMENT_CHARACTER, one_line(text)) or NO_NAME
    if len(name) <= max_length:
        return name
    end_length = max_length // 2
    beginning = name[: max_length - end_length - 1].rstrip()
    return f"{beginning}{ELLIPSIS}{name[-end_length:].lstrip()}"


def slug(*parts: str) -> str:
    """Join the letters and digits of some texts to a name for files and ids."""
    words = [word for part in parts for word in _WORDS.findall(part)]
    return "-".join(words).lower()[:MAX_SLUG_LENGTH].strip("-") or "chart"


def make_unique(names: Iterable[str]) -> list[str]:
    """Add a number to each name that occurred before: ``a``, ``a-2``, ``a-3``."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f"{name}-{number}"
        unique.append(candidate)
    return unique


def listed_parts(parts: Iterable[str]) -> str:
    """List the parts of a description; count those beyond the first few."""
    return listed(tuple(parts), MAX_LISTED, "; ")


def short_number(value: float) -> str:
    """Return a number with four significant digits, for a description; tables have more."""
    return f"{value:.4g}"
