"""Write the map of the packages in CONTRIBUTING.md, from the packages' own docstrings.

    python docs/make_map.py

A test compares the map with the docstrings, so run this after either has changed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- map: python docs/make_map.py -->", "<!-- end of the map -->"
ORDER = (
    *("load", "plan", "engine", "images", "run", "records", "compare"),
    *("trace", "history", "report", "cli"),
)
"""The host's packages, as data passes them."""


def packages() -> Iterator[Path]:
    """Yield the packages in the order that data passes them: the host's, then the probe's."""
    host = ROOT / "runner" / "keras_matrix"
    for name in ORDER:
        yield host / name
        yield from sorted(path.parent for path in (host / name).rglob("*/__init__.py"))
    probe = ROOT / "runner" / "keras_matrix_probe"
    yield probe
    yield from sorted(path.parent for path in probe.rglob("*/__init__.py"))


def rows() -> Iterator[str]:
    """Yield the table's rows: a package, what it is, and what goes in and comes out."""
    for package in packages():
        source = (package / "__init__.py").read_text(encoding="utf-8")
        summary, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
        name = package.relative_to(ROOT / "runner")
        yield f"| `{name}` | {_line(summary)} | {_line(rest)} |"


def rendered(text: str) -> str:
    """Return the text of CONTRIBUTING.md with its map made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(("| package | | |", "| --- | --- | --- |", *rows()))
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _line(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


if __name__ == "__main__":
    CONTRIBUTING.write_text(rendered(CONTRIBUTING.read_text(encoding="utf-8")), encoding="utf-8")
