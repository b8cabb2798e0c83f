"""The tables in docs/ on the effect of each fault: a test measured each row.

A test reports its row and fails if the page says otherwise. ``pytest tests/integration
--write-tables`` rewrites the pages, without the rows that no test reports any more.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import ROOT

DOCS = ROOT / "docs" / "reference"
PROPERTY = "row"
Row = tuple[str, ...]
Report = Callable[..., None]


@dataclass(frozen=True)
class Page:
    """A page with one table in each section; ``columns`` are the headings of all tables."""

    path: Path
    columns: Row

    def text(self) -> str:
        """Read the page."""
        return self.path.read_text(encoding="utf-8")

    def sections(self) -> dict[str, list[Row]]:
        """Return the rows of each section, by its title."""
        rows: dict[str, list[Row]] = {}
        title = ""
        for line in self.text().splitlines():
            if line.startswith("## "):
                title = line[3:]
            elif line.startswith("| ") and title:
                row = tuple(part.strip() for part in line.strip("|").split(" | "))
                if row != self.columns and set(row) != {"---"}:
                    rows.setdefault(title, []).append(row)
        return rows

    def write(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Replace all tables by ``rows``, each with its section's title."""
        by_section: dict[str, list[Row]] = {}
        for title, row in rows:
            by_section.setdefault(title, []).append(row)
        lines: list[str] = []
        for line in self.text().splitlines():
            if line.startswith("|"):
                continue
            if lines and not lines[-1] and not line:
                continue
            lines.append(line)
            if line.startswith("## ") and line[3:] in by_section:
                lines += ["", *self._table(by_section.pop(line[3:])), ""]
        for title, left in by_section.items():
            lines += ["", f"## {title}", "", *self._table(left)]
        self.path.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")

    def _table(self, rows: Sequence[Row]) -> list[str]:
        rule = tuple("---" for _ in self.columns)
        return [f"| {' | '.join(row)} |" for row in (self.columns, rule, *rows)]


PAGES = {
    "faults": Page(
        DOCS / "faults.md",
        ("fault", "message", "exit", "on disk", "containers left", "`--resume`"),
    ),
    "engines": Page(
        DOCS / "engines.md",
        (
            *("engine", "image store", "builds", "same image", "same figures", "limits read back"),
            *("closed cell", "cells run as", "killed", "leftovers", "saved and loaded"),
        ),
    ),
    "hostile": Page(DOCS / "hostile.md", ("the script tries", "outcome", "reason in the record")),
}


def cell(text: object) -> str:
    """Return a text as a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;") or "—"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the pages."""
    # The conftest of each folder that reports rows adds it.
    with contextlib.suppress(ValueError):
        parser.addoption(
            "--write-tables", action="store_true", help="write docs/reference's tables"
        )


def writes(config: pytest.Config) -> bool:
    """Tell whether to write the pages."""
    # The option exists only if these tests are named on the command line.
    return bool(config.getoption("--write-tables", default=False))


@pytest.fixture
def report_row(request: pytest.FixtureRequest) -> Report:
    """Return ``report(page, section, *columns)``, which fails if the page says otherwise."""

    def report(page: str, section: str, *columns: object) -> None:
        row = tuple(cell(column) for column in columns)
        assert len(row) == len(PAGES[page].columns)
        request.node.user_properties.append((PROPERTY, json.dumps([page, section, row])))
        if not writes(request.config):
            documented = {r[0]: r for r in PAGES[page].sections().get(section, [])}
            assert documented.get(row[0]) == row, "the page differs from what was measured"

    return report


class Collector:
    """Collects the rows of all tests, including those of other processes, in test order."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, Row]]] = {}
        self.all_ran = True

    def pytest_collection_modifyitems(self, config: pytest.Config) -> None:
        filtered = config.getoption("keyword") or config.getoption("markexpr")
        named = any("::" in argument or argument.endswith(".py") for argument in config.args)
        self.all_ran = not filtered and not named

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.all_ran = self.all_ran and not report.failed
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    page, section, row = json.loads(str(value))
                    self.rows.setdefault(page, []).append((section, tuple(row)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        for page in self.rows:
            if writes(session.config):
                PAGES[page].write(self._merged(page))

    def _merged(self, page: str) -> list[tuple[str, Row]]:
        """Return the measured rows and, if only some tests ran, the other documented ones."""
        documented = [
            (title, row) for title, rows in PAGES[page].sections().items() for row in rows
        ]
        measured = {(title, row[0]): row for title, row in self.rows[page]}
        kept = [
            (title, measured.pop((title, row[0]), row))
            for title, row in documented
            if not self.all_ran or (title, row[0]) in measured
        ]
        return kept + [(title, row) for (title, _), row in measured.items()]
