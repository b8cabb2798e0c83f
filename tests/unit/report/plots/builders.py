"""Make records with something to draw, and read the texts of drawn charts. Holds no tests."""

from xml.etree import ElementTree

from keras_matrix.plan.cells import Cell
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import Record
from keras_matrix.report import plots
from keras_matrix.report.plots import Chart
from tests.unit.records.builders import call, record


def epochs(metric: str, *values: float) -> list[Epoch]:
    return [Epoch(n, 0.5, {metric: value}) for n, value in enumerate(values)]


def run(metric: str = "loss", images: tuple[str, ...] = ("tf", "theano")) -> list[Record]:
    """Make the records of two seeds of each image, two epochs each."""
    return [
        record(
            Cell(image, seed=seed),
            call(
                "fit",
                {metric: 0.5 + place / 10 + seed / 100},
                epochs=epochs(metric, 0.7, 0.5 + place / 10 + seed / 100),
                seconds=2.0,
                first_batch_seconds=0.5,
            ),
        )
        for place, image in enumerate(images)
        for seed in range(2)
    ]


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - made by this code


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def texts(element: ElementTree.Element) -> set[str]:
    return {child.text or "" for child in element.iter() if local(child) == "text"}


def drawn(chart: Chart) -> set[str]:
    """Return the texts that are visible in a chart."""
    return texts(parsed(plots.chart_as_svg(chart, "p")))
