"""Print a comparison in the format of ``--format``, and write the files of ``--report``."""

import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from keras_matrix.cli.options import Format
from keras_matrix.compare.comparison import Comparison
from keras_matrix.errors import ConfigurationError
from keras_matrix.records.files import write_atomically
from keras_matrix.records.recorded import RecordedRun

STDOUT = "-"


@dataclass(frozen=True)
class Target:
    """A report to write; ``path`` is None for stdout."""

    format: Format
    path: Path | None


def chosen_format(output: str, as_json: bool) -> Format:
    """Return the format to print in; ``--json`` is short for ``--format json``."""
    return Format.JSON if as_json else Format(output)


def parse_targets(texts: Sequence[str]) -> tuple[Target, ...]:
    """Parse ``--report FORMAT=FILE`` and check that the files can be written.

    Raises:
        ConfigurationError: a text is malformed, or a file not writable or named twice.
    """
    targets = tuple(_target(text) for text in texts)
    paths = [target.path for target in targets if target.path is not None]
    for path in paths:
        if paths.count(path) > 1:
            raise ConfigurationError(f"--report: {path} is named twice; give each its own file.")
        _check_writable(path)
    return targets


def _target(text: str) -> Target:
    name, _, file = text.partition("=")
    formats = {member.value: member for member in Format}
    if name not in formats or not file or "\0" in file:
        raise ConfigurationError(
            f"--report {text!r} is not FORMAT=FILE, such as junit=report.xml; "
            f"the formats are {', '.join(formats)}."
        )
    if file != STDOUT:
        return Target(formats[name], Path(file).resolve())
    if formats[name] is Format.HTML:
        raise ConfigurationError("--report html=- is not possible: name a file for the page.")
    return Target(formats[name], None)


def _check_writable(path: Path) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        raise ConfigurationError(f"--report: {path} is not a file; name a file, or - for stdout.")
    if not path.parent.exists():
        raise ConfigurationError(
            f"--report: there is no folder {path.parent}; make it, or name a file elsewhere."
        )
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"--report: cannot write {path} ({os.strerror(error.errno or 0)}); "
            "check the folder's permissions and space."
        ) from error


def refuse_page(targets: Sequence[Target]) -> None:
    """Refuse a page of two runs that are compared with each other.

    Raises:
        ConfigurationError: a page is among the targets.
    """
    if any(target.format is Format.HTML for target in targets):
        raise ConfigurationError(
            "--report html writes a page about one run; for a page about several use "
            "'keras-matrix report RUN OTHER'."
        )


def show(
    comparison: Comparison,
    output: Format,
    targets: Sequence[Target],
    runs: Sequence[RecordedRun],
    own: Comparison | None = None,
) -> None:
    """Print a comparison on stdout, then write its reports.

    The reports describe the cells of ``runs``. If that is one run, ``own`` is the comparison of its
    images with each other, which its matrix and its page show.

    Raises:
        KerasMatrixError: a run is damaged, or a file cannot be written.
    """
    if output is Format.TABLE:
        from keras_matrix.report import table

        table.show(comparison, table.console())
    else:
        _print(render(comparison, output, runs, own))
    for target in targets:
        text = render(comparison, target.format, runs, own)
        if target.path is None:
            _print(text)
        else:
            write_atomically(target.path, text.encode("utf-8", errors="replace"))


def _print(text: str) -> None:
    click.echo(text, nl=not text.endswith("\n"))


def render(
    comparison: Comparison,
    output: Format,
    runs: Sequence[RecordedRun],
    own: Comparison | None = None,
) -> str:
    """Render a comparison in a format; the arguments are those of :func:`show`.

    Raises:
        KerasMatrixError: a run is damaged.
    """
    match output:
        case Format.JSON:
            from keras_matrix.report import json

            return json.render(comparison) + "\n"
        case Format.CSV:
            from keras_matrix.report import csv

            return csv.render(comparison)
        case Format.MARKDOWN:
            from keras_matrix.compare.matrix import matrix_row
            from keras_matrix.report import markdown

            rows = [] if own is None else [matrix_row(own, run.manifest) for run in runs]
            return markdown.render(comparison, rows)
        case Format.JUNIT:
            from keras_matrix.report import junit

            return junit.render(comparison, runs)
        case Format.GITHUB:
            from keras_matrix.report import annotations

            return annotations.render(annotations.annotations(comparison, runs))
        case Format.TABLE:
            return _plain_table(comparison)
        case Format.HTML:
            return _page(runs, own)


def _plain_table(comparison: Comparison) -> str:
    from rich.console import Console

    from keras_matrix.report import table

    # A file has no colours, whatever the environment forces.
    text = io.StringIO()
    width = table.PLAIN_WIDTH
    table.show(comparison, Console(file=text, width=width, highlight=False, force_terminal=False))
    return text.getvalue()


def _page(runs: Sequence[RecordedRun], own: Comparison | None) -> str:
    from keras_matrix.report.page import charts, compose, render, sources

    page_sources = [sources.read(run, own=own) for run in runs]
    plots = [charts.draw(source) for source in page_sources]
    return render.render(compose.compose(page_sources, plots, None))
