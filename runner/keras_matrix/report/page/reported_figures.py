"""The section on what a text reported, compared with what was measured. Pure."""

from collections.abc import Iterator

from keras_matrix.compare.reproduction import JudgedClaim, Reproduction
from keras_matrix.report.page.blocks import (
    Block,
    ChartGroup,
    DataTable,
    Paragraph,
    Section,
    TableCell,
    verdict_badge,
)
from keras_matrix.report.reproduction import figure_cells


def section(
    prefix: str, reproduction: Reproduction, source: str, charts: ChartGroup | None
) -> Section | None:
    """Return the section: reported figures and claims with their verdicts; None without any.

    ``source`` is the title of the text, empty if it is not known.
    """
    blocks: list[Block] = []
    if source:
        blocks.append(Paragraph(f"Reported by: {source}", quiet=True))
    if charts is not None:
        blocks.append(charts)
    if reproduction.figures:
        blocks.append(_figures(reproduction))
    if reproduction.claims:
        blocks.append(_claims(reproduction))
    title = "Reported and measured figures"
    return Section(f"{prefix}-reported", title, tuple(blocks)) if blocks else None


def _figures(reproduction: Reproduction) -> DataTable:
    rows = []
    for figure in reproduction.figures:
        name, *numbers = figure_cells(figure)
        rows.append(
            (
                TableCell(name, code=True),
                *(TableCell(number, numeric=True) for number in numbers),
                TableCell(badge=verdict_badge(figure.verdict)),
                TableCell(figure.why),
            )
        )
    header = ("figure", "reported", "measured", "one more run would lie in", "verdict", "reason")
    return DataTable("Reported figures", header, tuple(rows))


def _claims(reproduction: Reproduction) -> DataTable:
    rows = tuple(row for claim in reproduction.claims for row in _claim_rows(claim))
    return DataTable("Claims", ("claim", "metric", "verdict", "reason"), rows)


def _claim_rows(claim: JudgedClaim) -> Iterator[tuple[TableCell, ...]]:
    """Yield a row for the claim and, if it has several metrics, one for each of them."""
    yield _claim_row(claim.claim.text, claim)
    for part in claim.parts:
        yield _claim_row("by this metric alone", part)


def _claim_row(text: str, claim: JudgedClaim) -> tuple[TableCell, ...]:
    return (
        TableCell(text),
        TableCell(claim.claim.metric, code=True),
        TableCell(badge=verdict_badge(claim.verdict)),
        TableCell(claim.why),
    )
