"""Read a report's page as a browser would, and make the runs that pages are tested on."""

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

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
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
        return "".join(one if isinstance(one, str) else one.raw for one in self.children)

    def all(self, tag: str, **attributes: str) -> "list[Element]":
        """Return what of that tag is in it, in order."""
        found = []
        for one in self.children:
            if isinstance(one, Element):
                wanted = {name.rstrip("_"): value for name, value in attributes.items()}
                if one.tag == tag and wanted.items() <= one.attributes.items():
                    found.append(one)
                found += one.all(tag, **attributes)
        return found

    def every(self) -> "list[Element]":
        """Return all elements in it, in order."""
        inside = [one for one in self.children if isinstance(one, Element)]
        return [found for one in inside for found in (one, *one.every())]

    def by_id(self, name: str) -> "Element":
        (found,) = [one for one in self.every() if one.attributes.get("id") == name]
        return found

    def headed(self, title: str) -> "Element":
        """Return the only part that has this heading."""
        heads = [h for level in ("h2", "h3", "h4") for h in self.all(level) if h.text == title]
        (found,) = heads
        assert found.parent is not None
        return found.parent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        made = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.children.append(made)
        if tag not in VOID:
            self.open = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.children.append(data)


def parsed(page: str) -> Element:
    """Parse a page; fail where its elements do not close one another."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open is reader.root
    return reader.root


def check(page: str) -> Element:
    """Check what holds for every page, and return it parsed."""
    root = parsed(page)
    every = root.every()
    ids = [one.attributes["id"] for one in every if "id" in one.attributes]
    assert len(ids) == len(set(ids)), "an id is there twice"
    for one in every:
        for name, value in one.attributes.items():
            assert not name.startswith("on"), f"<{one.tag} {name}>"
            assert name != "src"
            if name == "href":
                assert value.startswith("#"), value
                assert value[1:] in ids, f"{value} leads nowhere"
            if name in ("aria-labelledby", "aria-describedby"):
                assert set(value.split()) <= set(ids), value
    found = {one.tag for one in every}
    assert found & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert not re.search(r"url\((?!#)|@import|expression\(", page)
    levels = [int(one.tag[1]) for one in every if re.fullmatch(r"h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    _check_tables(root)
    _check_regions(every)
    return root


def _check_tables(root: Element) -> None:
    for table in root.all("table"):
        (caption,) = table.all("caption")
        assert caption.text
        assert all(head.attributes.get("scope") in ("col", "row") for head in table.all("th"))
        widths = {len(row.all("th")) + len(row.all("td")) for row in table.all("tr")}
        assert len(widths) == 1, "rows of different width"
        assert all(row.all("th") for row in table.all("tr")), "a row without a head"
    for drawn in root.all("svg"):
        assert drawn.attributes["role"] == "img"
        assert drawn.all("title")[0].text
        assert drawn.all("desc")[0].text


def _check_regions(every: Sequence[Element]) -> None:
    scrolling = [one for one in every if "scroll" in one.attributes.get("class", "").split()]
    assert scrolling
    assert all(one.attributes.get("tabindex") == "0" for one in scrolling)
    assert all(one.attributes.get("role") == "region" for one in scrolling)
    labels = [
        one.attributes["aria-label"]
        for one in every
        if one.tag == "nav" or one.attributes.get("role") == "region"
    ]
    texts = {one.attributes["id"]: one.text for one in every if "id" in one.attributes}
    labels += [
        " ".join(texts[name] for name in one.attributes["aria-labelledby"].split())
        for one in every
        if one.tag == "section"
    ]
    assert len(labels) == len(set(labels)), "two regions of one name"


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
    made = record(
        Cell(image, settings or KerasSettings(), seed),
        call("fit", {metric: loss}, epochs=curve, seconds=1.5, first_batch_seconds=0.6),
        call("evaluate", {metric: loss}, seconds=0.1),
        notes=notes,
    )
    made.observation.environment = seen or seen_on(image)
    return made


def seen_on(image: str, **packages: str) -> Environment:
    """Make what a cell of an image says that it ran on."""
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
    made = record(Cell(image, seed=seed), outcome=outcome, reason=reason, log_tail=log_tail)
    made.observation.environment = seen_on(image)
    made.observation.end = end(
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
    return made


def folder(
    path: Path,
    records: Sequence[Record],
    *,
    cells: Sequence[Cell] | None = None,
    model: str = "mlp",
    log: bytes | None = None,
    kind: RunKind | None = None,
) -> RunFolder:
    """Make a run on disk, with hosts and images known; ``log`` is that of each failed cell."""
    planned = [one.cell for one in records] if cells is None else cells
    names = dict.fromkeys(cell.image for cell in planned)
    images = [identity(name) for name in names]
    made = run_folder(path, records, cells=planned, images=images, kind=kind)
    manifest = made.manifest()
    host = HostFacts(platform="Linux", python="3.11", cpus=8, memory=2**34, engine="20.10")
    changed = replace(manifest, plan=replace(manifest.plan, model=model), hosts=(host,))
    made.write_manifest(changed)
    for one in records:
        if log is not None and one.outcome is not Outcome.OK:
            place = made.log_path(one.cell)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(log)
    return made
