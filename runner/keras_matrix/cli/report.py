"""``keras-matrix report``."""

from collections import Counter
from pathlib import Path

import click

from keras_matrix.cli import options

PAGE = "report.html"
PAGE_OF_SEVERAL = "keras-matrix-report.html"


@click.command(name="report")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help=f"The page.  [default: {PAGE} in the run's folder; of several runs ./{PAGE_OF_SEVERAL}]",
)
@click.option("--title", default=None, metavar="TEXT", help="Title of the page.")
@click.option(
    "--reported",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of reported figures.  [default: reported.toml that lay beside the script]",
)
@click.option(
    "--tolerances",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Tolerance file that goes before the runs' own.",
)
@options.tolerance
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder to write each plot to as a file of its own as well.",
)
@click.option(
    "--plot-format",
    type=click.Choice(["svg", "png"]),
    default="svg",
    show_default=True,
    help="Format of these files.",
)
@options.results
def command(
    *,
    runs: tuple[str, ...],
    output: Path | None,
    title: str | None,
    reported: Path | None,
    tolerances: Path | None,
    tolerance_texts: tuple[str, ...],
    plots: Path | None,
    plot_format: str,
    results: Path,
) -> int:
    """Write RUNs to one HTML page that opens without a network. Needs no engine.

    A RUN is the folder, or the name, of what run, reproduce, trace or pytest recorded. Prints
    where the page is.
    """
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.load import tolerances as tolerance
    from keras_matrix.records import files, recorded
    from keras_matrix.records import folder as store
    from keras_matrix.report.page import charts, render, sources, story
    from keras_matrix.text import relative

    rules = tolerance.parse(tolerance_texts)
    if tolerances is not None:
        rules += tolerance.load(tolerances)
    if reported is not None and len(runs) > 1:
        raise ConfigurationError("--reported is of one script; name one run with it.")
    folders = [store.find(results, run) for run in runs]
    twice = [str(path) for path, n in Counter(one.path for one in folders).items() if n > 1]
    if twice:
        raise ConfigurationError(f"{twice[0]} is named twice; name it once.")
    found = [sources.read(recorded.read(folder), rules, reported) for folder in folders]
    drawn = [charts.draw(source) for source in found]
    page = render.render(story.page(found, drawn, title))
    if output is None:
        output = folders[0].path / PAGE if len(folders) == 1 else Path(PAGE_OF_SEVERAL)
    files.write_atomically(output, page.encode("utf-8", errors="replace"))
    if plots is not None:
        named = [(source.folder.name, one) for source, one in zip(found, drawn, strict=True)]
        written = charts.save(named, plots, plot_format)
        click.echo(f"{len(written)} plot{'s' * (len(written) != 1)}: {relative(plots)}", err=True)
    click.echo(str(relative(output)))
    return int(ExitCode.AGREE)
