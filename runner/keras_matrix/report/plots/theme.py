"""The colours and settings of all plots.

Figures are drawn in the light colours below, which are therefore what files on their own have.
Each stands for one of a page's custom properties, so that a plot in a page follows the page.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import matplotlib

TEXT = "#1f2328"
PAPER = "#ffffff"
GRID = "#d8dbe0"
MARGIN = "#e3ecdf"
NEUTRAL = "#656d76"
AGREE = "#0a7350"
DIFFER = "#b42318"
INCONCLUSIVE = "#8f5b00"
# Okabe and Ito (2008, Color Universal Design), those of little contrast to white last.
SERIES = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#f0e442"),
)

CURRENT = "currentColor"
PROPERTIES: Mapping[str, str] = {
    GRID: "--grid",
    MARGIN: "--margin",
    NEUTRAL: "--neutral",
    AGREE: "--agree",
    DIFFER: "--differ",
    INCONCLUSIVE: "--inconclusive",
    **{color: f"--series-{place}" for place, color in enumerate(SERIES, 1)},
}
"""The custom property that a page colours by, by the colour of a figure."""

LIGHT: Mapping[str, str] = {name: color for color, name in PROPERTIES.items()}
DARK: Mapping[str, str] = {
    "--grid": "#3a414b",
    "--margin": "#22382c",
    "--neutral": "#9aa4b0",
    "--agree": "#4cc38a",
    "--differ": "#ff8a7a",
    "--inconclusive": "#e3b341",
    "--series-1": "#58a6e8",
    "--series-2": "#ff8a3d",
    "--series-3": "#2fc498",
    "--series-4": "#e39bc4",
    "--series-5": "#ffb833",
    "--series-6": "#8ccff5",
    "--series-7": "#f2f2f2",
    "--series-8": "#f5ea5a",
}
"""Values for a page on a dark ground."""


class Line(Enum):
    """How a line is broken; what no colour tells, this does."""

    SOLID = "solid"
    DASHED = "dashed"
    DASHDOT = "dashdot"
    DOTTED = "dotted"


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Look:
    """How a series is told from others."""

    color: str
    line: Line
    marker: str


def look(place: int) -> Look:
    """Return the look of a series; those of the first 32 are all different."""
    lines = list(Line)
    turn = place + place // len(SERIES)
    return Look(
        color=SERIES[place % len(SERIES)],
        line=lines[turn % len(lines)],
        marker=MARKERS[turn % len(MARKERS)],
    )


SETTINGS: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": NEUTRAL,
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelcolor": TEXT,
    "axes.labelsize": 12,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.facecolor": "none",
    # matplotlib brings it along: what is measured is the same everywhere, and wider than most.
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "legend.labelcolor": TEXT,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "keras-matrix",
    "text.color": TEXT,
    # Names come from outside; a dollar sign in them is one.
    "text.parse_math": False,
    "xtick.color": NEUTRAL,
    "xtick.labelcolor": TEXT,
    "xtick.labelsize": 11,
    "ytick.color": NEUTRAL,
    "ytick.labelcolor": TEXT,
    "ytick.labelsize": 11,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with these settings and no others, whatever the user's own matplotlibrc says.

    What the font has no glyph for is drawn as a box in a picture, and as what it is in SVG.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
