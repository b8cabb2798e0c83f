"""What a text reported, held against what was measured. Pure."""

from collections.abc import Iterator

from keras_matrix.compare.reproduction import JudgedClaim, Reproduction
from keras_matrix.report.page.blocks import Block, DataTable, Datum, Drawings, Paragraph, of_verdict
from keras_matrix.report.reproduction import figure_cells


def blocks(judged: Reproduction, source: str, charts: Drawings | None) -> tuple[Block, ...]:
    """Return the reported figures with their verdicts, the claims, and the charts of both."""
    found: list[Block] = []
    if source:
        found.append(Paragraph(f"Reported by: {source}", quiet=True))
    if charts is not None:
        found.append(charts)
    if judged.figures:
        found.append(_figures(judged))
    if judged.claims:
        found.append(_claims(judged))
    return tuple(found)


def _figures(judged: Reproduction) -> DataTable:
    rows = []
    for figure in judged.figures:
        name, *numbers = figure_cells(figure)
        verdict = Datum(badge=of_verdict(figure.verdict))
        values = [Datum(number, numeric=True) for number in numbers]
        rows.append((Datum(name, code=True), *values, verdict, Datum(figure.why)))
    header = ("figure", "reported", "measured", "one more run would lie in", "verdict", "why")
    return DataTable("Reported figures", header, tuple(rows))


def _claims(judged: Reproduction) -> DataTable:
    rows = tuple(row for claim in judged.claims for row in _claim(claim))
    return DataTable("Claims", ("claim", "by", "verdict", "why"), rows)


def _claim(judged: JudgedClaim) -> Iterator[tuple[Datum, ...]]:
    yield _judged(judged.claim.text, judged)
    for part in judged.parts:
        yield _judged("by this part alone", part)


def _judged(text: str, judged: JudgedClaim) -> tuple[Datum, ...]:
    return (
        Datum(text),
        Datum(judged.claim.metric, code=True),
        Datum(badge=of_verdict(judged.verdict)),
        Datum(judged.why),
    )
