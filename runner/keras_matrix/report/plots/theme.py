"""The colours and settings of all plots.

Figures are drawn in the light colours below, and files of their own keep these. In a page each
colour becomes one of the page's CSS custom properties, so that a plot follows the page's scheme.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import matplotlib

TEXT_COLOR = "#1f2328"
PAPER_COLOR = "#ffffff"
GRID_COLOR = "#d8dbe0"
TOLERANCE_COLOR = "#e3ecdf"
"""Fills the band of what is allowed."""
NEUTRAL_COLOR = "#656d76"
AGREE_COLOR = "#0a7350"
DIFFER_COLOR = "#b42318"
INCONCLUSIVE_COLOR = "#8f5b00"
SERIES_COLORS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#f0e442"),
)
"""The palette of Okabe and Ito (2008, Color Universal Design), low contrast to white last."""

CSS_TEXT_COLOR = "currentColor"
CSS_PROPERTIES: Mapping[str, str] = {
    GRID_COLOR: "--grid",
    TOLERANCE_COLOR: "--margin",
    NEUTRAL_COLOR: "--neutral",
    AGREE_COLOR: "--agree",
    DIFFER_COLOR: "--differ",
    INCONCLUSIVE_COLOR: "--inconclusive",
    **{color: f"--series-{number}" for number, color in enumerate(SERIES_COLORS, 1)},
}
"""The custom property that replaces a figure's colour in a page, by that colour."""

LIGHT_COLORS: Mapping[str, str] = {name: color for color, name in CSS_PROPERTIES.items()}
"""Values of the custom properties on a light page."""
DARK_COLORS: Mapping[str, str] = {
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
"""Values of the custom properties on a dark page."""


class LineStyle(Enum):
    """A line's pattern, by matplotlib's name; tells series apart without colour."""

    SOLID = "solid"
    DASHED = "dashed"
    DASHDOT = "dashdot"
    DOTTED = "dotted"


SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Shapes of the markers of series, by matplotlib's name."""


@dataclass(frozen=True)
class SeriesStyle:
    """What tells one series from the others in a plot."""

    color: str
    line: LineStyle
    marker: str


def series_style(index: int) -> SeriesStyle:
    """Return the style of a series by its position; the first 32 are all different."""
    lines = list(LineStyle)
    turn = index + index // len(SERIES_COLORS)
    return SeriesStyle(
        color=SERIES_COLORS[index % len(SERIES_COLORS)],
        line=lines[turn % len(lines)],
        marker=SERIES_MARKERS[turn % len(SERIES_MARKERS)],
    )


MATPLOTLIB_SETTINGS: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": NEUTRAL_COLOR,
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelcolor": TEXT_COLOR,
    "axes.labelsize": 12,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.facecolor": "none",
    # matplotlib ships this font, so texts measure the same everywhere. It is wider than most
    # fonts: what fits in it also fits in the page's own font.
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "grid.color": GRID_COLOR,
    "grid.linewidth": 0.8,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "legend.labelcolor": TEXT_COLOR,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "keras-matrix",
    "text.color": TEXT_COLOR,
    # Names come from outside; a dollar sign in them starts no formula.
    "text.parse_math": False,
    "xtick.color": NEUTRAL_COLOR,
    "xtick.labelcolor": TEXT_COLOR,
    "xtick.labelsize": 11,
    "ytick.color": NEUTRAL_COLOR,
    "ytick.labelcolor": TEXT_COLOR,
    "ytick.labelsize": 11,
}


@contextmanager
def plot_settings() -> Iterator[None]:
    """Draw with the settings above and no others, whatever the user's own matplotlibrc says.

    A character without a glyph in the font becomes a box in a PNG, and stays itself in an SVG.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(MATPLOTLIB_SETTINGS)
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
