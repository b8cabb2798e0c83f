"""Jupyter notebooks, converted into the script that a cell runs."""

import logging
import re
import warnings
from dataclasses import dataclass
from typing import Any

from keras_matrix.errors import ConfigurationError
from keras_matrix.text import brief

SUFFIX = ".ipynb"
TIMED = re.compile(r"^(\s*)%time\s+(.+)$")
"""A line magic that runs the statement after it once."""
PYTHON = "python"
CELL_MAGICS_THAT_RUN = ("time", "capture", "prun")
"""Cell magics that run their cell once; all others are left out with their cell."""


@dataclass(frozen=True)
class ConvertedNotebook:
    """The script that a notebook was converted to, with a note on each line that was left out."""

    code: bytes
    notes: tuple[str, ...]


def convert(name: str, content: bytes) -> ConvertedNotebook:
    """Convert the code cells of a notebook, in their order, to a script.

    What only IPython can run becomes comments: shell commands and magics, except those that run
    Python code once (``%time``, ``%%time``, ``%%capture``, ``%%prun``).

    Raises:
        ConfigurationError: the file is not a notebook, or not in Python.
    """
    # nbformat is slow to import.
    import nbformat

    # traitlets warns about old notebooks that nbformat upgrades by itself.
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
            nbformat.validate(notebook)
            language = _language(notebook)
            converted = _script(name, notebook) if language == PYTHON else None
    except Exception as error:  # nbformat and jupytext raise anything for unchecked content
        raise ConfigurationError(
            f"{name} is not a notebook that can be read ({_first_line(error)}); "
            "open and save it in Jupyter."
        ) from error
    if converted is None:
        raise ConfigurationError(f"{name} is a notebook in {brief(language)}; use one in Python.")
    return converted


def _script(name: str, notebook: Any) -> ConvertedNotebook:
    import jupytext

    notes: list[str] = []
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata["title"] = f"cell {number}"
        if cell.cell_type == "code":
            notes += (f"{name}, cell {number}: left out {brief(line)}" for line in _unwrap(cell))
    # The metadata is for other tools.
    notebook.metadata.clear()
    form = {
        "extension": ".py",
        "format_name": "percent",
        "comment_magics": True,
        "notebook_metadata_filter": "-all",
        "cell_metadata_filter": "title,-all",
    }
    return ConvertedNotebook(jupytext.writes(notebook, form).encode(), tuple(notes))


def _language(notebook: Any) -> str:
    metadata = notebook.metadata
    name = metadata.get("language_info", {}).get("name")
    return str(name or metadata.get("kernelspec", {}).get("language") or PYTHON).lower()


def _unwrap(cell: Any) -> list[str]:
    """Reduce a cell to what Python can run; return the lines that are left out."""
    from jupytext.magics import comment_magic

    lines = cell.source.splitlines()
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is not None and (magic := re.match(r"%%(\w+)", lines[first])):
        if magic.group(1) not in CELL_MAGICS_THAT_RUN:
            cell.cell_type = "raw"
            return [lines[first]]
        del lines[first]
    left_out = []
    # jupytext tells magics from strings and operators, and does not change other lines.
    for index, line in enumerate(comment_magic(list(lines))):
        if line == lines[index]:
            continue
        if timed := TIMED.match(lines[index]):
            lines[index] = "".join(timed.groups())
        else:
            left_out.append(lines[index].strip())
    cell.source = "\n".join(lines)
    return left_out


def _first_line(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return (brief(first) or type(error).__name__).rstrip(".:")
