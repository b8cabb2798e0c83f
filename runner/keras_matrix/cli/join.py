"""``keras-matrix join``."""

from pathlib import Path

import click

from keras_matrix.cli import against, options


@click.command(name="join")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--into", required=True, metavar="NAME", help="Name of the joined run, or its folder."
)
@options.results
@options.history
@options.no_history
@options.json
def command(
    runs: tuple[str, ...],
    into: str,
    results: Path,
    history_file: Path | None,
    no_history: bool,
    as_json: bool,
) -> int:
    """Merge RUNS of the same script that were made separately into one new run."""
    from keras_matrix.plan.cells import RunKind
    from keras_matrix.records import folder, recorded
    from keras_matrix.records.join import join

    target = folder.place(results, into)
    join([folder.find(results, run) for run in runs], target)
    joined = recorded.read(target)
    # The history holds figures, which tests do not have.
    has_figures = joined.manifest.kind is RunKind.RUN
    against.add_to_history(joined, file=history_file, wanted=has_figures and not no_history)
    if as_json:
        from keras_matrix.report import json

        click.echo(json.encode({"schema": 1, "run": str(target.path)}))
    else:
        click.echo(f"records: {target.path}", err=True)
    return 0
