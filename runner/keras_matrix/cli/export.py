"""``keras-matrix export``: hand a run to other tools."""

import os
from pathlib import Path

import click

from keras_matrix.cli import options

QUIETER = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""Unless the user says otherwise: nothing to others, and seconds, not minutes, for no answer."""


@click.group(name="export")
def command() -> None:
    """Send a run to other tools."""


@command.command(name="mlflow")
@click.argument("run")
@click.option(
    "--tracking-uri",
    default=None,
    metavar="URI",
    help="Tracking server or store.  [default: MLflow's own, MLFLOW_TRACKING_URI]",
)
@click.option("--experiment", default=None, metavar="NAME", help="[default: the model's name]")
@options.results
@options.json
def mlflow(
    run: str, tracking_uri: str | None, experiment: str | None, results: Path, as_json: bool
) -> int:
    """Send RUN to MLflow tracking: a parent run with the verdicts, and one run for each cell.

    What was sent before and has not changed is left alone. Takes keras-matrix[mlflow].
    """
    from keras_matrix.compare import assess
    from keras_matrix.records import folder as store
    from keras_matrix.records import recorded
    from keras_matrix.report.mlflow import send as export

    for name, value in QUIETER.items():
        os.environ.setdefault(name, value)
    recorded_run = recorded.read(store.find(results, run))
    comparison = assess.compare_run(recorded_run, ())
    sent = export.send(recorded_run, comparison, tracking_uri=tracking_uri, experiment=experiment)
    if as_json:
        from keras_matrix.report import json

        click.echo(json.encode({"schema": 1, **sent.__dict__}))
        return 0
    counts = f"{sent.new} new, {sent.replaced} replaced, {sent.unchanged} unchanged"
    click.echo(f"experiment {sent.experiment}, run {sent.parent}: cells: {counts}")
    return 0
