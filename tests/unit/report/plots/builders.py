"""Make records that there is something to draw of, and read what was drawn. Holds no tests."""

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
    """Two seeds of each image, two epochs each."""
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
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def texts(element: ElementTree.Element) -> set[str]:
    return {one.text or "" for one in element.iter() if local(one) == "text"}


def drawn(chart: Chart) -> set[str]:
    """Return the texts that are to be seen in a chart."""
    return texts(parsed(plots.svg(chart, "p")))
