"""Charts as SVG or PNG: as part of a page, whose colours they follow, or as files of their own."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from matplotlib.backends.backend_svg import FigureCanvasSVG

from keras_matrix.errors import ConfigurationError
from keras_matrix.records.files import write_atomically
from keras_matrix.report.plots.chart import Chart
from keras_matrix.report.plots.theme import (
    CSS_PROPERTIES,
    CSS_TEXT_COLOR,
    PAPER_COLOR,
    TEXT_COLOR,
    plot_settings,
)

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
PNG_DPI = 144
CSS_CLASS = "chart"
FILE_FONT_FAMILY = "sans-serif"
SUFFIXES = (".png", ".svg")

_COLOR = re.compile(r"#[0-9a-f]{6}")
_URL_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
_FONT_FAMILY = re.compile(r"font-family:[^;]*")
# The shorthand that matplotlib 3.9 writes.
_FONT = re.compile(r"font:[^;]*?([0-9.]+px)[^;]*")
_ID_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SPACES = re.compile(r"\s+")
_NUMERIC_ATTRIBUTES = ("d", "points", "transform", "x", "y", "width", "height")
_NO_ROTATION = "rotate(-0 "
_CONTAINER_TAGS = ("defs", "g")


def chart_as_svg(chart: Chart, prefix: str) -> str:
    """Return a chart as an SVG element of a page, with ids that begin with ``prefix``.

    Its text has the page's own font and colour. Its other colours are the custom properties that
    ``theme`` names, or the light colours where the page does not set them. The element has the
    class ``chart``.

    Raises:
        ValueError: the prefix cannot begin an id.
    """
    if not _ID_PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} cannot begin an id")
    return _SvgWriter(chart, prefix, inline=True).text()


def save_chart(chart: Chart, path: Path) -> None:
    """Write a chart to a file, on white: a PNG, or an SVG that needs no other file.

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
        content = _SvgWriter(chart, chart.name, inline=False).text().encode()
    write_atomically(path, content)


def _png(chart: Chart) -> bytes:
    file = io.BytesIO()
    with plot_settings():
        chart.figure.savefig(
            file,
            format="png",
            dpi=PNG_DPI,
            facecolor=PAPER_COLOR,
            metadata={"Title": chart.title},
        )
    return file.getvalue()


def _matplotlib_svg(chart: Chart) -> str:
    # savefig would draw the figure twice to lay it out, which is done already.
    file = io.StringIO()
    dpi = chart.figure.dpi
    with plot_settings():
        FigureCanvasSVG(chart.figure).print_svg(file, metadata={"Date": None})
    chart.figure.dpi = dpi
    return file.getvalue()


class _SvgWriter:
    """Rewrites matplotlib's SVG: smaller, described in words, with a page's ids and colours."""

    def __init__(self, chart: Chart, prefix: str, *, inline: bool) -> None:
        self._chart = chart
        self._prefix = prefix
        self._inline = inline

    def text(self) -> str:
        """Return the SVG element as text."""
        source = ElementTree.fromstring(_matplotlib_svg(self._chart))  # noqa: S314 - matplotlib's own
        root = ElementTree.Element("svg", self._root_attributes(source))
        self._add_title_and_description(root)
        if not self._inline:
            ElementTree.SubElement(root, "rect", width="100%", height="100%", fill=PAPER_COLOR)
        used_ids = set(_referenced_ids(source))
        root.extend([self._rewritten(child, used_ids) for child in source if _is_kept(child)])
        return ElementTree.tostring(root, encoding="unicode")

    def _root_attributes(self, source: ElementTree.Element) -> dict[str, str]:
        attributes = {
            "xmlns": SVG_NAMESPACE,
            "viewBox": source.get("viewBox", ""),
            "role": "img",
            "aria-labelledby": f"{self._prefix}-title {self._prefix}-desc",
            "stroke-linejoin": "round",
        }
        if self._inline:
            return {"class": CSS_CLASS, **attributes}
        _, _, width, height = attributes["viewBox"].split()
        return {**attributes, "width": width, "height": height, "font-family": FILE_FONT_FAMILY}

    def _add_title_and_description(self, root: ElementTree.Element) -> None:
        for tag, text in (("title", self._chart.title), ("desc", self._chart.description)):
            element = ElementTree.SubElement(root, tag, id=f"{self._prefix}-{tag}")
            element.text = text

    def _rewritten(self, element: ElementTree.Element, used_ids: set[str]) -> ElementTree.Element:
        """Return an element and what is in it as the page needs them."""
        rewritten = ElementTree.Element(_local_name(element.tag))
        for qualified_name, value in element.attrib.items():
            name = _local_name(qualified_name)
            if name == "id":
                if value in used_ids:
                    rewritten.set("id", f"{self._prefix}-{value}")
            elif name == "href":
                rewritten.set("href", f"#{self._prefix}-{value.removeprefix('#')}")
            elif name in _NUMERIC_ATTRIBUTES:
                if not value.startswith(_NO_ROTATION):
                    rewritten.set(name, _SPACES.sub(" ", _rounded(value)).strip())
            else:
                rewritten.set(name, self._restyled(value))
        if rewritten.tag == "text":
            rewritten.text = element.text
            style = rewritten.get("style", "")
            if "fill:" not in style:
                rewritten.set("style", f"{style}; fill: {self._page_color(TEXT_COLOR)}")
        children = [self._rewritten(child, used_ids) for child in element if _is_kept(child)]
        rewritten.extend(children)
        _move_style_to_group(rewritten)
        return rewritten

    def _restyled(self, value: str) -> str:
        value = _URL_REFERENCE.sub(lambda match: f"url(#{self._prefix}-{match[1]})", value)
        value = _FONT.sub(r"font-size: \1; font-family: inherit", value)
        value = _FONT_FAMILY.sub("font-family: inherit", value)
        return _COLOR.sub(lambda match: self._page_color(match[0]), _rounded(value))

    def _page_color(self, color: str) -> str:
        """Return the CSS colour that stands for a colour of the figure."""
        if not self._inline:
            return color
        if color == TEXT_COLOR:
            return CSS_TEXT_COLOR
        return f"var({CSS_PROPERTIES[color]}, {color})"


def _referenced_ids(source: ElementTree.Element) -> Iterator[str]:
    """Yield the ids that some attribute refers to."""
    for element in source.iter():
        for name, value in element.attrib.items():
            if _local_name(name) == "href":
                yield value.removeprefix("#")
            yield from _URL_REFERENCE.findall(value)


def _is_kept(element: ElementTree.Element) -> bool:
    """Tell whether an element is visible, or may hold or define what is."""
    tag = _local_name(element.tag)
    # matplotlib's only style sheet sets how lines join, and would apply to the whole page.
    if tag in ("metadata", "style") or (tag in _CONTAINER_TAGS and not len(element)):
        return False
    return tag != "path" or element.get("style") != "fill: none"


def _local_name(name: str) -> str:
    return name.rpartition("}")[2]


def _rounded(text: str) -> str:
    """Round all decimal numbers in a text to two places."""
    return _DECIMAL.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), text)


def _move_style_to_group(group: ElementTree.Element) -> None:
    """Set the style that all uses of a marker in a group share once, at the group."""
    uses = [child for child in group if child.tag == "use"]
    styles = {use.get("style") for use in uses}
    if len(uses) > 1 and len(uses) == len(group) and len(styles) == 1:
        style = styles.pop()
        if style is not None and "style" not in group.attrib:
            group.set("style", style)
            for use in uses:
                del use.attrib["style"]
