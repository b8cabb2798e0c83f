"""``keras-matrix history``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_matrix.cli import options
from keras_matrix.cli.options import Format

if TYPE_CHECKING:
    from keras_matrix.history.database import History
    from keras_matrix.history.series import Series
    from keras_matrix.history.summary import RunSummary

FORMATS = (Format.TABLE, Format.JSON, Format.CSV)
MAX_TABLE_RUNS = 20
"""Runs that a table shows without ``--limit``."""


@click.command(name="history")
@click.argument("names", nargs=-1, metavar="[MODEL]")
@click.option(
    "--add", is_flag=True, help="Add runs, named by folder or name, instead of listing runs."
)
@click.option(
    "--metric", default=None, metavar="NAME", help="Show this metric over time, per image."
)
@click.option("--image", default=None, metavar="NAME", help="Show this image only.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help=f"Show only the last N runs.  [default: {MAX_TABLE_RUNS} in a table, otherwise all]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Plot --metric to a .png or .svg file.",
)
@options.formats(FORMATS, "Format to print the list in.")
@options.history
@options.results
@options.json
def command(
    names: tuple[str, ...],
    add: bool,
    metric: str | None,
    image: str | None,
    limit: int | None,
    plot: Path | None,
    output: str,
    history_file: Path | None,
    results: Path,
    as_json: bool,
) -> int:
    """List the runs of MODEL, the newest last; without MODEL, list all models.

    MODEL is a model's name or a script's path. Runs are added when they end; use --add for runs
    that were made elsewhere or earlier.
    """
    from keras_matrix.history import database

    path = database.location(history_file)
    if add:
        return _add(names, path, results)
    if len(names) > 1:
        raise click.UsageError("Name one model; to add runs, use --add.")
    if not names and (metric, image, limit, plot) != (None, None, None, None):
        raise click.UsageError("--metric, --image, --limit and --plot need a model; name one.")
    if plot is not None and metric is None:
        raise click.UsageError("--plot needs a metric; name one with --metric.")
    chosen = Format.JSON if as_json else Format(output)
    with database.History(path) as history:
        if not names:
            _show_scripts(history, chosen)
            return 0
        runs = _runs(history, names[0], image)
    if metric is None:
        _show_runs(runs, chosen, limit)
    else:
        _show_series(runs, metric, chosen, limit, plot)
    return 0


def _add(names: Sequence[str], path: Path, results: Path) -> int:
    from keras_matrix.errors import ExitCode, HistoryError, KerasMatrixError
    from keras_matrix.history import from_disk
    from keras_matrix.history.database import History
    from keras_matrix.records import folder, recorded
    from keras_matrix.text import plural, printable

    if not names:
        raise click.UsageError("Name the runs to add, by folder or name.")
    added = 0
    with History(path, write=True) as history:
        for name in names:
            try:
                from_disk.add(history, recorded.read(folder.find(results, name)))
                added += 1
            except HistoryError:
                raise
            except KerasMatrixError as error:
                click.echo(f"keras-matrix: not added: {printable(str(error))}", err=True)
    click.echo(f"{added} of {plural(len(names), 'run')} added to {printable(str(path))}", err=True)
    return int(ExitCode.AGREE if added == len(names) else ExitCode.USAGE)


def _show_scripts(history: "History", chosen: Format) -> None:
    from keras_matrix.errors import NothingSelectedError
    from keras_matrix.report import history as report
    from keras_matrix.report import history_data as data
    from keras_matrix.report import table

    scripts = history.scripts()
    if not scripts:
        raise NothingSelectedError(
            f"The history {history.path} is empty; add runs with keras-matrix history --add RUN."
        )
    match chosen:
        case Format.JSON:
            click.echo(data.scripts_as_json(scripts))
        case Format.CSV:
            click.echo(data.scripts_as_csv(scripts), nl=False)
        case _:
            report.show_scripts(scripts, table.console())


def _runs(history: "History", name: str, image: str | None) -> "tuple[RunSummary, ...]":
    from keras_matrix.history import choose

    scripts = choose.scripts_named(history.scripts(), name)
    places = {(script.model, script.place) for script in scripts}
    runs = tuple(
        run
        for model in dict.fromkeys(script.model for script in scripts)
        for run in history.runs(model=model)
        if (run.model, run.place) in places
    )
    return choose.with_image(runs, image) if image is not None else runs


def _last(
    runs: "Sequence[RunSummary]", chosen: Format, limit: int | None
) -> "tuple[Sequence[RunSummary], int]":
    """Return the runs to show, and the number of older ones that are left out."""
    count = limit or (MAX_TABLE_RUNS if chosen is Format.TABLE else len(runs))
    return runs[-count:], max(0, len(runs) - count)


def _show_runs(runs: "Sequence[RunSummary]", chosen: Format, limit: int | None) -> None:
    from keras_matrix.report import history as report
    from keras_matrix.report import history_data as data
    from keras_matrix.report import table

    shown, more = _last(runs, chosen, limit)
    match chosen:
        case Format.JSON:
            click.echo(data.runs_as_json(shown))
        case Format.CSV:
            click.echo(data.runs_as_csv(shown), nl=False)
        case _:
            report.show_runs(shown, table.console(), more)


def _show_series(
    runs: "Sequence[RunSummary]",
    metric: str,
    chosen: Format,
    limit: int | None,
    plot: Path | None,
) -> None:
    from keras_matrix.history import choose
    from keras_matrix.history.series import series
    from keras_matrix.report import history as report
    from keras_matrix.report import history_data as data
    from keras_matrix.report import table

    measured = choose.with_metric(runs, metric)
    shown, more = _last(measured, chosen, limit)
    values = series(shown, metric)
    if plot is not None:
        plotted = measured[-limit:] if limit is not None else measured
        _plot(series(plotted, metric), metric, plot)
    match chosen:
        case Format.JSON:
            click.echo(data.series_as_json(metric, values))
        case Format.CSV:
            click.echo(data.runs_as_csv(shown, metric), nl=False)
        case _:
            report.show_series(shown, values, table.console(), more)


def _plot(values: "Sequence[Series]", metric: str, path: Path) -> None:
    from keras_matrix.report.plots.output import save_chart
    from keras_matrix.report.plots.timeline import draw_history

    points = {image.name: [(p.created, p.median) for p in image.points] for image in values}
    save_chart(draw_history(points, metric), path)
    click.echo(f"plot: {path}", err=True)
