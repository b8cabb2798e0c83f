"""The series of a run: each image with one keras.json is a series, over its seeds."""

from collections.abc import Iterable, Sequence

from keras_matrix.records.record import Outcome, Record
from keras_matrix.report.plots.chart import short_label
from keras_matrix.report.plots.theme import SeriesStyle, series_style

MAX_SERIES_LABEL_LENGTH = 24
"""Characters of a series' name in a legend."""


def usable_records(records: Sequence[Record]) -> list[Record]:
    """Return the records to draw: of cells that succeeded, without repeats of a seed."""
    return [record for record in records if record.outcome is Outcome.OK and not record.cell.repeat]


def series_styles(records: Sequence[Record], images: Sequence[str]) -> dict[str, SeriesStyle]:
    """Return each series' style by its name, in the order of the images; equal in every chart."""
    order = {image: index for index, image in enumerate(images)}
    groups = dict.fromkeys(record.cell.group for record in records)
    names = [
        group.id for group in sorted(groups, key=lambda group: order.get(group.image, len(order)))
    ]
    return {name: series_style(index) for index, name in enumerate(names)}


def series_labels(names: Iterable[str]) -> dict[str, str]:
    """Return what a legend calls each series."""
    return {name: short_label(name, MAX_SERIES_LABEL_LENGTH) for name in names}
