"""Write charts: into a page, whose colours they follow, or to files of their own."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from matplotlib.backends.backend_svg import FigureCanvasSVG

from keras_matrix.errors import ConfigurationError
from keras_matrix.records.files import write_atomically
from keras_matrix.report.plots.chart import Chart
from keras_matrix.report.plots.theme import CURRENT, PAPER, PROPERTIES, TEXT, drawing

SVG = "http://www.w3.org/2000/svg"
DPI = 144
CSS_CLASS = "chart"
FONT = "sans-serif"
SUFFIXES = (".png", ".svg")

_COLOR = re.compile(r"#[0-9a-f]{6}")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")
_FAMILY = re.compile(r"font-family:[^;]*")
# As matplotlib 3.9 has it.
_FONT = re.compile(r"font:[^;]*?([0-9.]+px)[^;]*")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_NUMERIC = ("d", "points", "transform", "x", "y", "width", "height")
_SPACES = re.compile(r"\s+")
_UNTURNED = "rotate(-0 "
_EMPTY = ("defs", "g")


def svg(chart: Chart, prefix: str) -> str:
    """Return a chart as an element of a page, with ids that begin with ``prefix``.

    Its text is of the page's own font and colour; its other colours are the custom properties that
    ``theme`` names, those of a light page where they are not set. It has the class ``chart``.

    Raises:
        ValueError: the prefix cannot begin an id.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} cannot begin an id")
    return _Page(chart, prefix, inline=True).text()


def save(chart: Chart, path: Path) -> None:
    """Write a chart to a file, on white: a PNG, or an SVG that needs nothing else.

    Raises:
        ConfigurationError: the name does not end in .png or .svg.
        StoreError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigurationError(
            f"Cannot write a plot to '{path}': its name must end in {' or '.join(SUFFIXES)}."
        )
    if suffix == ".png":
        content = _png(chart)
    else:
        content = _Page(chart, chart.name, inline=False).text().encode()
    write_atomically(path, content)


def _png(chart: Chart) -> bytes:
    file = io.BytesIO()
    with drawing():
        about = {"Title": chart.title}
        chart.figure.savefig(file, format="png", dpi=DPI, facecolor=PAPER, metadata=about)
    return file.getvalue()


def _svg(chart: Chart) -> str:
    # Not by savefig, which draws a figure twice for a layout that is made already.
    file = io.StringIO()
    dpi = chart.figure.dpi
    with drawing():
        FigureCanvasSVG(chart.figure).print_svg(file, metadata={"Date": None})
    chart.figure.dpi = dpi
    return file.getvalue()


class _Page:
    """A chart's SVG, rewritten: smaller, told in words, with ids and colours that fit a page."""

    def __init__(self, chart: Chart, prefix: str, *, inline: bool) -> None:
        self._chart = chart
        self._prefix = prefix
        self._inline = inline

    def text(self) -> str:
        """Return the element as text."""
        drawn = ElementTree.fromstring(_svg(self._chart))  # noqa: S314 - matplotlib's own
        root = ElementTree.Element("svg", self._attributes(drawn))
        self._add_words(root)
        if not self._inline:
            ElementTree.SubElement(root, "rect", width="100%", height="100%", fill=PAPER)
        used = set(_references(drawn))
        root.extend([self._rewritten(child, used) for child in drawn if _kept(child)])
        return ElementTree.tostring(root, encoding="unicode")

    def _attributes(self, drawn: ElementTree.Element) -> dict[str, str]:
        found = {
            "xmlns": SVG,
            "viewBox": drawn.get("viewBox", ""),
            "role": "img",
            "aria-labelledby": f"{self._prefix}-title {self._prefix}-desc",
            "stroke-linejoin": "round",
        }
        if self._inline:
            return {"class": CSS_CLASS, **found}
        _, _, width, height = found["viewBox"].split()
        return {**found, "width": width, "height": height, "font-family": FONT}

    def _add_words(self, root: ElementTree.Element) -> None:
        for name, text in (("title", self._chart.title), ("desc", self._chart.description)):
            element = ElementTree.SubElement(root, name, id=f"{self._prefix}-{name}")
            element.text = text

    def _rewritten(self, element: ElementTree.Element, used: set[str]) -> ElementTree.Element:
        made = ElementTree.Element(_local(element.tag))
        for qualified, value in element.attrib.items():
            name = _local(qualified)
            if name == "id":
                if value in used:
                    made.set("id", f"{self._prefix}-{value}")
            elif name == "href":
                made.set("href", f"#{self._prefix}-{value.removeprefix('#')}")
            elif name in _NUMERIC:
                if not value.startswith(_UNTURNED):
                    made.set(name, _SPACES.sub(" ", _rounded(value)).strip())
            else:
                made.set(name, self._restyled(value))
        if made.tag == "text":
            made.text = element.text
            if "fill:" not in made.get("style", ""):
                made.set("style", f"{made.get('style', '')}; fill: {self._ink(TEXT)}")
        made.extend([self._rewritten(child, used) for child in element if _kept(child)])
        _hoist(made)
        return made

    def _restyled(self, value: str) -> str:
        value = _REFERENCE.sub(lambda found: f"url(#{self._prefix}-{found[1]})", value)
        value = _FONT.sub(r"font-size: \1; font-family: inherit", value)
        value = _FAMILY.sub("font-family: inherit", value)
        return _COLOR.sub(lambda found: self._ink(found[0]), _rounded(value))

    def _ink(self, color: str) -> str:
        if not self._inline:
            return color
        if color == TEXT:
            return CURRENT
        return f"var({PROPERTIES[color]}, {color})"


def _references(drawn: ElementTree.Element) -> Iterator[str]:
    """Yield the ids that something refers to."""
    for element in drawn.iter():
        for name, value in element.attrib.items():
            if _local(name) == "href":
                yield value.removeprefix("#")
            yield from _REFERENCE.findall(value)


def _kept(element: ElementTree.Element) -> bool:
    """Tell whether an element is to be seen, or refers to what is."""
    tag = _local(element.tag)
    # matplotlib's only style sheet sets how lines join, which would hold for the whole page.
    if tag in ("metadata", "style") or (tag in _EMPTY and not len(element)):
        return False
    return tag != "path" or element.get("style") != "fill: none"


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)


def _hoist(group: ElementTree.Element) -> None:
    """Say once, at a group, how all uses of a marker in it look."""
    uses = [child for child in group if child.tag == "use"]
    styles = {use.get("style") for use in uses}
    if len(uses) > 1 and len(uses) == len(group) and len(styles) == 1:
        style = styles.pop()
        if style is not None and "style" not in group.attrib:
            group.set("style", style)
            for use in uses:
                del use.attrib["style"]
