"""Reported figures and claims, compared with what was measured: as a table, and as JSON."""

from collections.abc import Container
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_matrix.compare import figures
from keras_matrix.compare.intervals import Scale
from keras_matrix.compare.reproduction import (
    ClaimVerdict,
    FigureVerdict,
    JudgedClaim,
    JudgedFigure,
    Reproduction,
)
from keras_matrix.report import json
from keras_matrix.text import one_line, plural

SCHEMA = 1
VERDICT_STYLES = {
    FigureVerdict.CONSISTENT: "green",
    FigureVerdict.INCONSISTENT: "bold red",
    FigureVerdict.NOT_COMPARABLE: "dim",
    ClaimVerdict.SUPPORTED: "green",
    ClaimVerdict.CONTRADICTED: "bold red",
    ClaimVerdict.NOT_SUPPORTED: "yellow",
    ClaimVerdict.NOT_COMPARABLE: "dim",
}


FAILS = (FigureVerdict.INCONSISTENT, ClaimVerdict.CONTRADICTED, ClaimVerdict.NOT_SUPPORTED)
"""Verdicts with which a text does not hold; what cannot be compared is not held against it."""
NOT_COMPARABLE = (FigureVerdict.NOT_COMPARABLE, ClaimVerdict.NOT_COMPARABLE)


def holds(judged: Reproduction) -> bool:
    """Tell whether every figure that can be compared is consistent and every claim supported."""
    return not _counted(judged, FAILS)


def summary(judged: Reproduction) -> str:
    """Return in one line whether the text holds, and how much of it could be compared."""
    verdict = "what can be compared holds"
    if not holds(judged):
        verdict = f"does not hold: {_counted(judged, FAILS)}"
    apart = _counted(judged, NOT_COMPARABLE)
    if apart:
        verdict += f"; not comparable, for the reasons above: {apart}"
    return f"{verdict}."


def _counted(judged: Reproduction, verdicts: Container[object]) -> str:
    """Count the figures and claims with some verdicts, out of all; empty if there are none."""
    counts = [
        (sum(one.verdict in verdicts for one in judged.figures), len(judged.figures), "figure"),
        (sum(one.verdict in verdicts for one in judged.claims), len(judged.claims), "claim"),
    ]
    return " and ".join(f"{count} of {plural(of, noun)}" for count, of, noun in counts if count)


def show(judged: Reproduction, out: Console) -> None:
    """Print a row for each figure, and a line for each claim."""
    table = Table(box=None, pad_edge=False)
    for column, justify in (
        ("reported figure", "left"),
        ("reported", "right"),
        ("measured", "right"),
        ("one more run would lie in", "right"),
        ("verdict", "left"),
    ):
        table.add_column(column, justify="right" if justify == "right" else "left", overflow="fold")
    for figure in judged.figures:
        table.add_row(*map(escape, figure_cells(figure)), _styled(figure.verdict))
    out.print(table)
    for figure in judged.figures:
        if figure.verdict is not FigureVerdict.CONSISTENT:
            out.print(Text(f"{figure_name(figure)}: {one_line(figure.why)}"))
    for claim in judged.claims:
        _show_claim(f'claim "{one_line(claim.claim.text)}"', claim, out)
        for part in claim.parts:
            _show_claim(f"  by {one_line(part.claim.metric)} alone", part, out)
    out.print(Text(summary(judged), style="bold"))


def _show_claim(name: str, claim: JudgedClaim, out: Console) -> None:
    verdict = (claim.verdict.value, VERDICT_STYLES[claim.verdict])
    out.print(Text.assemble(f"{name}: ", verdict, f": {one_line(claim.why)}"))


def figure_name(figure: JudgedFigure) -> str:
    """Return the image or images, and the metric, of a figure."""
    against = f" / {figure.than}" if figure.than else ""
    return one_line(f"{figure.image}{against} {figure.metric}")


def figure_cells(figure: JudgedFigure) -> list[str]:
    """Return a figure's name, value, measured center and prediction interval."""
    cells = [figure_name(figure), figures.number(figure.reported)]
    prediction = figure.prediction
    if prediction is None:
        return [*cells, "-", "-"]
    unit = "x" if prediction.scale is Scale.RATIO else ""
    low, high = prediction.interval.low, prediction.interval.high
    bounds = f"{figures.number(low)}..{figures.number(high)}{unit}"
    return [*cells, f"{figures.number(prediction.center)}{unit}", bounds]


def _styled(verdict: FigureVerdict) -> str:
    return f"[{VERDICT_STYLES[verdict]}]{verdict.value}[/]"


def render(judged: Reproduction) -> str:
    """Render the judgement as indented JSON."""
    return json.encode(
        {
            "schema": SCHEMA,
            "holds": holds(judged),
            "figures": [_figure_data(figure) for figure in judged.figures],
            "claims": [_claim_data(claim) for claim in judged.claims],
        }
    )


def _figure_data(figure: JudgedFigure) -> dict[str, Any]:
    prediction = figure.prediction
    return {
        "image": figure.image,
        "than": figure.than,
        "metric": figure.metric,
        "reported": figure.reported,
        "verdict": figure.verdict,
        "why": figure.why,
        "measured": json.number(prediction.center) if prediction else None,
        "low": json.number(prediction.interval.low) if prediction else None,
        "high": json.number(prediction.interval.high) if prediction else None,
        "deviations": json.number(figure.deviations),
    }


def _claim_data(claim: JudgedClaim) -> dict[str, Any]:
    inference = claim.inference
    interval = inference.interval if inference else None
    return {
        "text": claim.claim.text,
        "metric": claim.claim.metric,
        "verdict": claim.verdict,
        "why": claim.why,
        "estimate": json.number(inference.estimate) if inference else None,
        "low": json.number(interval.low) if interval else None,
        "high": json.number(interval.high) if interval else None,
        "seeds_needed": inference.seeds_needed if inference else None,
        "method": inference.method if inference else None,
        "parts": [_claim_data(part) for part in claim.parts],
    }
