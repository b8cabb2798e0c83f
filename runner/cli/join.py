"""``keras-matrix join``."""

from pathlib import Path

import click

from runner.cli import options


@click.command(name="join")
@click.argument("runs", nargs=-1, required=True)
@click.option("--into", required=True, metavar="NAME", help="Name of the joined run, or folder.")
@options.results
def command(runs: tuple[str, ...], into: str, results: Path) -> int:
    """Merge RUNS of the same script, made apart, into one new run."""
    from runner import store

    target = store.place(results, into)
    store.join([store.find(results, run) for run in runs], target)
    click.echo(f"records: {target.path}", err=True)
    return 0
