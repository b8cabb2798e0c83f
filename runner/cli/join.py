"""``keras-matrix join``."""

from pathlib import Path

import click

from runner.cli import earlier, options


@click.command(name="join")
@click.argument("runs", nargs=-1, required=True)
@click.option("--into", required=True, metavar="NAME", help="Name of the joined run, or folder.")
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
    """Merge RUNS of the same script, made apart, into one new run."""
    from runner import store
    from runner.join import join

    target = store.place(results, into)
    join([store.find(results, run) for run in runs], target)
    earlier.keep(target, file=history_file, wanted=not no_history)
    if as_json:
        from runner.report import data

        click.echo(data.encode({"schema": 1, "run": str(target.path)}))
    else:
        click.echo(f"records: {target.path}", err=True)
    return 0
