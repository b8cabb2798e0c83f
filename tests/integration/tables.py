"""The tables in docs/ that say what came of each fault: every row is what a test measured.

A test reports its row; it fails if the page says otherwise. ``pytest tests/integration
--write-tables`` writes the pages anew, and drops the rows that no test reports any more.
"""

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
    """A page with one table a section; ``columns`` are the heads of all."""

    path: Path
    columns: Row

    def text(self) -> str:
        """Read the page."""
        return self.path.read_text(encoding="utf-8")

    def sections(self) -> dict[str, list[Row]]:
        """Return the rows of each section, by its title."""
        found: dict[str, list[Row]] = {}
        title = ""
        for line in self.text().splitlines():
            if line.startswith("## "):
                title = line[3:]
            elif line.startswith("| ") and title:
                row = tuple(part.strip() for part in line.strip("|").split(" | "))
                if row != self.columns and set(row) != {"---"}:
                    found.setdefault(title, []).append(row)
        return found

    def write(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Replace all tables by the rows given, each with its section's title."""
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
        ("fault", "what the user is told", "exit", "on disk", "left of containers", "`--resume`"),
    ),
    "hostile": Page(DOCS / "hostile.md", ("the script tries", "outcome", "what the record says")),
}


def cell(text: object) -> str:
    """Return a text as it can stand in a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;") or "—"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the pages."""
    parser.addoption("--write-tables", action="store_true", help="write docs/reference's tables")


def writes(config: pytest.Config) -> bool:
    """Tell whether the pages are to be written."""
    # Known only where these tests are named on the command line.
    return bool(config.getoption("--write-tables", default=False))


@pytest.fixture
def report_row(request: pytest.FixtureRequest) -> Report:
    """Report a row: ``report_row(page, section, *columns)``; fails if the page says otherwise."""

    def report(page: str, section: str, *columns: object) -> None:
        row = tuple(cell(column) for column in columns)
        assert len(row) == len(PAGES[page].columns)
        request.node.user_properties.append((PROPERTY, json.dumps([page, section, row])))
        if not writes(request.config):
            said = {known[0]: known for known in PAGES[page].sections().get(section, [])}
            assert said.get(row[0]) == row, "what was measured is not what the page says"

    return report


class Collector:
    """Gathers the rows of all tests, also those of other processes, in the order of the tests."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, Row]]] = {}
        self.all_ran = True

    def pytest_collection_modifyitems(self, config: pytest.Config) -> None:
        chosen = config.getoption("keyword") or config.getoption("markexpr")
        named = any("::" in argument or argument.endswith(".py") for argument in config.args)
        self.all_ran = not chosen and not named

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
        """Return the rows measured now, and where only some tests ran those known before."""
        known = [(title, row) for title, rows in PAGES[page].sections().items() for row in rows]
        now = {(title, row[0]): row for title, row in self.rows[page]}
        kept = [
            (title, now.pop((title, row[0]), row))
            for title, row in known
            if not self.all_ran or (title, row[0]) in now
        ]
        return kept + [(title, row) for (title, _), row in now.items()]
