"""Parse and check a report's page, and make the runs that pages are tested with."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.records.events import Environment, Failure, SourceLine
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import HostFacts, Outcome, Record
from tests.unit.records.builders import call, end, environment, identity, record, run_folder

VOID_TAGS = {"meta", "link", "br", "hr", "img", "input", "wbr"}
EVIL = "<script>alert('x')</script>"
"""Text that is markup, if it is not escaped."""
ANSI = "\x1b[31mred\x1b[0m"


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        return " ".join(self.raw.split())

    @property
    def raw(self) -> str:
        """All text in it as it is, children included."""
        return "".join(child if isinstance(child, str) else child.raw for child in self.children)

    def all(self, tag: str, **attributes: str) -> "list[Element]":
        """Return the descendants with a tag and with these attributes, in order."""
        expected = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.every()
            if element.tag == tag and expected.items() <= element.attributes.items()
        ]

    def every(self) -> "list[Element]":
        """Return all descendants, in order."""
        children = [child for child in self.children if isinstance(child, Element)]
        return [element for child in children for element in (child, *child.every())]

    def by_id(self, name: str) -> "Element":
        """Return the only descendant with an id."""
        (element,) = [element for element in self.every() if element.attributes.get("id") == name]
        return element

    def headed(self, title: str) -> "Element":
        """Return the only part of the page with this heading."""
        headings = [
            heading
            for level in ("h2", "h3", "h4")
            for heading in self.all(level)
            if heading.text == title
        ]
        (heading,) = headings
        assert heading.parent is not None
        return heading.parent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(element)
        if tag not in VOID_TAGS:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID_TAGS:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)


def parsed(page: str) -> Element:
    """Parse a page; fail if a tag closes another element than the open one."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open is reader.root
    return reader.root


def check(page: str) -> Element:
    """Check what every page must fulfil, and return it parsed."""
    root = parsed(page)
    elements = root.every()
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), "two elements have one id"
    for element in elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"<{element.tag} {name}>"
            assert name != "src"
            if name == "href":
                assert value.startswith("#"), value
                assert value[1:] in ids, f"{value} leads nowhere"
            if name in ("aria-labelledby", "aria-describedby"):
                assert set(value.split()) <= set(ids), value
    tags = {element.tag for element in elements}
    assert tags & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert not re.search(r"url\((?!#)|@import|expression\(", page)
    headings = [element.tag for element in elements if re.fullmatch(r"h[1-6]", element.tag)]
    levels = [int(tag[1]) for tag in headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    _check_tables(root)
    _check_regions(elements)
    return root


def _check_tables(root: Element) -> None:
    for table in root.all("table"):
        (caption,) = table.all("caption")
        assert caption.text
        assert all(head.attributes.get("scope") in ("col", "row") for head in table.all("th"))
        widths = {len(row.all("th")) + len(row.all("td")) for row in table.all("tr")}
        assert len(widths) == 1, "the rows have different numbers of cells"
        assert all(row.all("th") for row in table.all("tr")), "a row has no heading"
    for svg in root.all("svg"):
        assert svg.attributes["role"] == "img"
        assert svg.all("title")[0].text
        assert svg.all("desc")[0].text


def _check_regions(elements: Sequence[Element]) -> None:
    scrolling = [
        element for element in elements if "scroll" in element.attributes.get("class", "").split()
    ]
    assert scrolling
    assert all(element.attributes.get("tabindex") == "0" for element in scrolling)
    assert all(element.attributes.get("role") == "region" for element in scrolling)
    labels = [
        element.attributes["aria-label"]
        for element in elements
        if element.tag == "nav" or element.attributes.get("role") == "region"
    ]
    texts = {
        element.attributes["id"]: element.text for element in elements if "id" in element.attributes
    }
    labels += [
        " ".join(texts[name] for name in element.attributes["aria-labelledby"].split())
        for element in elements
        if element.tag == "section"
    ]
    assert len(labels) == len(set(labels)), "two regions have one name"


def good(
    image: str,
    loss: float = 0.5,
    seed: int | None = None,
    *,
    settings: KerasSettings | None = None,
    metric: str = "loss",
    epochs: int = 3,
    notes: tuple[str, ...] = (),
    seen: Environment | None = None,
) -> Record:
    """Make a record of a cell that trained and evaluated."""
    curve = [
        Epoch(epoch, 0.1 + 0.4 * (not epoch), {metric: loss + 1 / (epoch + 1)})
        for epoch in range(epochs)
    ]
    trained = record(
        Cell(image, settings or KerasSettings(), seed),
        call("fit", {metric: loss}, epochs=curve, seconds=1.5, first_batch_seconds=0.6),
        call("evaluate", {metric: loss}, seconds=0.1),
        notes=notes,
    )
    trained.observation.environment = seen or seen_on(image)
    return trained


def seen_on(image: str, **packages: str) -> Environment:
    """Make the environment that a cell of an image reports."""
    backend = {"tf": "tensorflow"}.get(image, image)
    installed = {"keras": "2.3.1", "numpy": "1.16.6", f"{backend}-itself": "1.0", **packages}
    return environment(backend=backend, packages=installed)


def bad(
    image: str,
    outcome: Outcome = Outcome.SCRIPT_ERROR,
    seed: int | None = None,
    *,
    reason: str = "ValueError: no",
    traceback: str = "Traceback:\n  model.fit\nValueError: no\n",
    log_tail: tuple[str, ...] = (),
    hint: str = "",
) -> Record:
    """Make a record of a cell that failed in line 12 of its script."""
    failed = record(Cell(image, seed=seed), outcome=outcome, reason=reason, log_tail=log_tail)
    failed.observation.environment = seen_on(image)
    failed.observation.end = end(
        status="error",
        exit_code=1,
        error=Failure(
            kind="ValueError",
            message="no",
            traceback=traceback,
            file="model.py",
            line=12,
            deepest=SourceLine("helper.py", 3),
            hint=hint,
        ),
    )
    return failed


def folder(
    path: Path,
    records: Sequence[Record],
    *,
    cells: Sequence[Cell] | None = None,
    model: str = "mlp",
    log: bytes | None = None,
    kind: RunKind | None = None,
) -> RunFolder:
    """Make a run on disk, its host and its images included; ``log`` is each failed cell's log."""
    planned = [cell_record.cell for cell_record in records] if cells is None else cells
    names = dict.fromkeys(cell.image for cell in planned)
    images = [identity(name) for name in names]
    run = run_folder(path, records, cells=planned, images=images, kind=kind)
    manifest = run.manifest()
    host = HostFacts(platform="Linux", python="3.11", cpus=8, memory=2**34, engine="20.10")
    plan = replace(manifest.plan, model=model)
    run.write_manifest(replace(manifest, plan=plan, hosts=(host,)))
    for cell_record in records:
        if log is not None and cell_record.outcome is not Outcome.OK:
            log_path = run.log_path(cell_record.cell)
            log_path.parent.mkdir(exist_ok=True)
            log_path.write_bytes(log)
    return run
