"""Which series the records of a run make: an image with one keras.json each, over its seeds."""

from collections.abc import Mapping, Sequence

from keras_matrix.records.record import Outcome, Record
from keras_matrix.report.plots.chart import label
from keras_matrix.report.plots.theme import Look, look


def good(records: Sequence[Record]) -> list[Record]:
    """Return the records of cells that ended well, one a seed."""
    return [one for one in records if one.outcome is Outcome.OK and not one.cell.repeat]


def series(records: Sequence[Record], images: Sequence[str]) -> dict[str, Look]:
    """Return the looks of all series, in the order of the images; the same in every chart."""
    order = {image: place for place, image in enumerate(images)}
    groups = dict.fromkeys(record.cell.group for record in records)
    names = [
        group.id for group in sorted(groups, key=lambda group: order.get(group.image, len(order)))
    ]
    return {name: look(place) for place, name in enumerate(names)}


def labels(names: Mapping[str, Look]) -> dict[str, str]:
    """Return the names of series as they are drawn."""
    return {name: label(name, 24) for name in names}
