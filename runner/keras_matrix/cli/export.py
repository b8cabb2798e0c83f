"""``keras-matrix export``: send a run to other tools."""

import os
from pathlib import Path

import click

from keras_matrix.cli import options

MLFLOW_DEFAULTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""Environment variables that are set unless the user sets them.

No telemetry, and seconds rather than minutes until a server that does not answer is given up.
"""


@click.group(name="export")
def command() -> None:
    """Send a run to other tools."""


@command.command(name="mlflow")
@click.argument("run")
@click.option(
    "--tracking-uri",
    default=None,
    metavar="URI",
    help="Tracking server or store.  [default: MLFLOW_TRACKING_URI, or else MLflow's own]",
)
@click.option(
    "--experiment",
    default=None,
    metavar="NAME",
    help="The experiment.  [default: the model's name]",
)
@options.results
@options.json
def mlflow(
    run: str, tracking_uri: str | None, experiment: str | None, results: Path, as_json: bool
) -> int:
    """Send RUN to MLflow: a parent run with the verdicts, and one run per cell.

    Cells that were sent before and have not changed are skipped. Needs the extra
    keras-matrix[mlflow].
    """
    from keras_matrix.compare import assess
    from keras_matrix.records import folder as store
    from keras_matrix.records import recorded
    from keras_matrix.report.mlflow import send as export

    for name, value in MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)
    recorded_run = recorded.read(store.find(results, run))
    comparison = assess.compare_run(recorded_run)
    sent = export.send(recorded_run, comparison, tracking_uri=tracking_uri, experiment=experiment)
    if as_json:
        from keras_matrix.report import json

        click.echo(json.encode({"schema": 1, **sent.__dict__}))
        return 0
    counts = f"{sent.new} new, {sent.replaced} replaced, {sent.unchanged} unchanged"
    click.echo(f"experiment {sent.experiment}, run {sent.parent}: cells: {counts}")
    return 0
