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
    help=f"File of the page.  [default: {PAGE} in the folder of the run; for several runs "
    f"./{PAGE_OF_SEVERAL}]",
)
@click.option("--title", default=None, metavar="TEXT", help="Title of the page.")
@click.option(
    "--reported",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of reported figures.  [default: the reported.toml beside the script of the run]",
)
@click.option(
    "--tolerances",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Tolerance file that takes precedence over the runs' own.",
)
@options.judging
@click.option(
    "--plots",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder to also write each plot to, as a file.",
)
@click.option(
    "--plot-format",
    type=click.Choice(["svg", "png"]),
    default="svg",
    show_default=True,
    help="Format of the files in --plots.",
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
    question: str,
    margin: float | None,
    plots: Path | None,
    plot_format: str,
    results: Path,
) -> int:
    """Write one HTML page about RUNs, which opens without a network, and print its path.

    A RUN is the folder or the name of what run, reproduce, trace or pytest recorded. Needs no
    container engine.
    """
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.load import tolerances as tolerance
    from keras_matrix.records import files, recorded
    from keras_matrix.records import folder as store
    from keras_matrix.report.page import charts, compose, render, sources
    from keras_matrix.text import plural, relative

    rules = tolerance.given(tolerance_texts, question, margin)
    if tolerances is not None:
        rules = rules.then(tolerance.load(tolerances))
    if reported is not None and len(runs) > 1:
        raise ConfigurationError("--reported is about one script; name one run with it.")
    folders = [store.find(results, run) for run in runs]
    counts = Counter(folder.path for folder in folders)
    for path, count in counts.items():
        if count > 1:
            raise ConfigurationError(f"{path} is named twice; name it once.")
    page_sources = [sources.read(recorded.read(folder), rules, reported) for folder in folders]
    drawn = [charts.draw(source) for source in page_sources]
    page = render.render(compose.compose(page_sources, drawn, title))
    if output is None:
        output = folders[0].path / PAGE if len(folders) == 1 else Path(PAGE_OF_SEVERAL)
    files.write_atomically(output, page.encode("utf-8", errors="replace"))
    if plots is not None:
        named = [
            (source.folder.name, charts_of_run)
            for source, charts_of_run in zip(page_sources, drawn, strict=True)
        ]
        written = charts.save(named, plots, plot_format)
        click.echo(f"{plural(len(written), 'plot')}: {relative(plots)}", err=True)
    click.echo(str(relative(output)))
    return int(ExitCode.AGREE)
