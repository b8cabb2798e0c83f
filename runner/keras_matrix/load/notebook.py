"""Convert a Jupyter notebook into the script that a cell runs."""

import logging
import re
import warnings
from dataclasses import dataclass
from typing import Any

from keras_matrix.errors import ConfigurationError
from keras_matrix.text import brief

SUFFIX = ".ipynb"
TIMED = re.compile(r"^(\s*)%time\s+(.+)$")
"""A line magic that runs what follows it, once."""
PYTHON = "python"
WRAPPERS = ("time", "capture", "prun")
"""Cell magics that run their cell, once."""


@dataclass(frozen=True)
class Converted:
    """The script made of a notebook, and what had to be left out of it, one line each."""

    code: bytes
    notes: tuple[str, ...]


def convert(name: str, content: bytes) -> Converted:
    """Convert a notebook's code cells, in their order, to a script.

    What only IPython runs is left out, as comments: shell commands and magics, except those
    that run Python code once (``%time``, ``%%time``, ``%%capture``, ``%%prun``).

    Raises:
        ConfigurationError: it is not a notebook, or not one in Python.
    """
    # Slow to import.
    import nbformat

    # It complains of what it mends by itself, in old notebooks.
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
            nbformat.validate(notebook)
            language = _language(notebook)
            made = _script(name, notebook) if language == PYTHON else None
    except Exception as error:  # anything: two libraries take it apart before all of it is checked
        raise ConfigurationError(
            f"{name} is not a notebook that can be read ({_first_line(error)}); "
            "open and save it in Jupyter."
        ) from error
    if made is None:
        raise ConfigurationError(
            f"{name} is a notebook in {brief(language)}; only Python ones are run."
        )
    return made


def _script(name: str, notebook: Any) -> Converted:
    import jupytext

    notes: list[str] = []
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata["title"] = f"cell {number}"
        if cell.cell_type == "code":
            notes += (f"{name}, cell {number}: left out {brief(one)}" for one in _unwrap(cell))
    # What it says of itself is for other tools.
    notebook.metadata.clear()
    form = {
        "extension": ".py",
        "format_name": "percent",
        "comment_magics": True,
        "notebook_metadata_filter": "-all",
        "cell_metadata_filter": "title,-all",
    }
    return Converted(jupytext.writes(notebook, form).encode(), tuple(notes))


def _language(notebook: Any) -> str:
    metadata = notebook.metadata
    named = metadata.get("language_info", {}).get("name")
    return str(named or metadata.get("kernelspec", {}).get("language") or PYTHON).lower()


def _unwrap(cell: Any) -> list[str]:
    """Leave of a cell what Python runs; return the lines left out."""
    from jupytext.magics import comment_magic

    lines = cell.source.splitlines()
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is not None and (magic := re.match(r"%%(\w+)", lines[first])):
        if magic.group(1) not in WRAPPERS:
            cell.cell_type = "raw"
            return [lines[first]]
        del lines[first]
    left_out = []
    # It knows magics from strings and operators, and leaves all other lines as they are.
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
