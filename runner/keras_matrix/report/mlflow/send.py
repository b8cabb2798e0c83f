"""Send a run to MLflow tracking: a parent run for the matrix, and one run for each cell.

Tags identify what was sent before: what has not changed since is left alone, and a cell that was
sent in part, or ran again, is replaced (MLflow keeps the old run among the deleted ones).
"""

import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keras_matrix.compare.comparison import Comparison
from keras_matrix.errors import ConfigurationError, ExportError, KerasMatrixError
from keras_matrix.records.folder import MANIFEST_FILE
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.report import json
from keras_matrix.report.mlflow import entries
from keras_matrix.report.mlflow.entries import PREFIX, TrackerEntry
from keras_matrix.text import brief

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Item = TypeVar("Item")

RUN_KEY_TAG = f"{PREFIX}.run_key"
CELL_TAG = f"{PREFIX}.cell"
DIGEST_TAG = f"{PREFIX}.digest"
"""The tag that is set last: an entry without it was not sent completely."""
PARENT_TAG = "mlflow.parentRunId"
COMPARISON_FILE = "comparison.json"
MAX_METRICS = 1000
"""Metrics that a request may hold."""
MAX_OTHERS = 100
"""Parameters, or tags, that a request may hold."""
PAGE_SIZE = 1000
"""Runs that a search returns at a time."""
INSTALL_COMMAND = "pip install 'keras-matrix[mlflow]'"
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
"""A user's name and password in a URL."""


@dataclass(frozen=True)
class SentRun:
    """The result of an export: the ids of the experiment and of the parent run, and counts."""

    experiment: str
    parent: str
    new: int
    replaced: int
    unchanged: int


def send(
    run: RecordedRun,
    comparison: Comparison,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
) -> SentRun:
    """Send a run; ``comparison`` is that of its images.

    Without a URI, MLflow's own settings decide where the run goes; without an experiment, it goes
    to the one of the model's name.

    Raises:
        ConfigurationError: MLflow's client is not installed, or the experiment cannot be used.
        ExportError: the tracking store cannot be reached, or refuses the run.
        StoreError: the run is damaged.
    """
    folder, manifest = run.folder, run.manifest
    described = json.render(comparison)
    matrix = entries.matrix_entry(
        manifest,
        run.records,
        comparison,
        content=(folder.path / MANIFEST_FILE).read_bytes() + described.encode(),
    )
    with _errors_translated():
        client = _client(tracking_uri)
        experiment_id = _experiment(client, experiment or brief(manifest.plan.model))
        sent = _sent_before(client, experiment_id, entries.run_key(manifest))
        sender = _Sender(client, experiment_id, sent)

        def attach(run_id: str) -> None:
            client.log_artifact(run_id, str(folder.path / MANIFEST_FILE))
            client.log_text(run_id, described, COMPARISON_FILE)

        parent = sender.update(matrix, attach)
        for record in run.records:
            path = folder.record_path(record.cell)
            entry = entries.cell_entry(manifest, record, path.read_bytes())
            sender.send(entry, parent, path)
    return SentRun(experiment_id, parent, sender.new, sender.replaced, sender.unchanged)


class _Sender:
    """Sends the entries of one run to one experiment; ``sent`` are those sent before, by cell."""

    def __init__(self, client: "MlflowClient", experiment: str, sent: "dict[str, Run]") -> None:
        self._client = client
        self._experiment = experiment
        self._sent = sent
        self.new = self.replaced = self.unchanged = 0

    def update(self, entry: TrackerEntry, attach: Callable[[str], None]) -> str:
        """Send the matrix, or what has changed of it, and return the id of its run.

        The run of the matrix is never replaced: the cells' runs refer to it, and others may.
        ``attach`` adds files to the run of that id.
        """
        earlier = self._sent.get(entry.cell)
        if earlier is None:
            run = self._begin(entry, {}).info.run_id
            sent_parameters: set[str] = set()
        elif earlier.data.tags.get(DIGEST_TAG) == entry.digest:
            return str(earlier.info.run_id)
        else:
            run, sent_parameters = earlier.info.run_id, {*earlier.data.params}
            # MLflow shows the value with the later timestamp of two at the same step.
            now = int(time.time() * 1000)
            metrics = tuple(replace(metric, timestamp=now) for metric in entry.metrics)
            entry = replace(entry, metrics=metrics)
        self._fill(str(run), entry, sent_parameters)
        attach(str(run))
        self._end(str(run), entry)
        return str(run)

    def send(self, entry: TrackerEntry, parent: str, record: Path) -> None:
        """Send a cell, replacing what was sent of it before unless that is the same."""
        earlier = self._sent.get(entry.cell)
        if earlier is not None and earlier.data.tags.get(DIGEST_TAG) == entry.digest:
            if earlier.data.tags.get(PARENT_TAG) != parent:
                self._client.set_tag(earlier.info.run_id, PARENT_TAG, parent)
            self.unchanged += 1
            return
        if earlier is not None:
            self._client.delete_run(earlier.info.run_id)
            self.replaced += 1
        else:
            self.new += 1
        run = str(self._begin(entry, {PARENT_TAG: parent}).info.run_id)
        self._fill(run, entry, set())
        self._client.log_artifact(run, str(record))
        self._end(run, entry)

    def _begin(self, entry: TrackerEntry, tags: dict[str, str]) -> "Run":
        # The tags that identify the run come first: an interrupted export is replaced later.
        return self._client.create_run(
            self._experiment,
            start_time=entry.started,
            tags={
                RUN_KEY_TAG: entry.tags[RUN_KEY_TAG],
                **({CELL_TAG: entry.cell} if entry.cell else {}),
                **tags,
            },
            run_name=entry.name,
        )

    def _fill(self, run: str, entry: TrackerEntry, sent_parameters: set[str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [
            Metric(metric.name, metric.value, metric.timestamp, metric.step)
            for metric in entry.metrics
        ]
        for chunk in _chunks(metrics, MAX_METRICS):
            self._client.log_batch(run, metrics=chunk)
        # MLflow refuses to change a parameter.
        parameters = [
            Param(name, value)
            for name, value in entry.parameters.items()
            if name not in sent_parameters
        ]
        for batch in _chunks(parameters, MAX_OTHERS):
            self._client.log_batch(run, params=batch)
        for tags in _chunks([RunTag(*item) for item in entry.tags.items()], MAX_OTHERS):
            self._client.log_batch(run, tags=tags)

    def _end(self, run: str, entry: TrackerEntry) -> None:
        self._client.set_tag(run, DIGEST_TAG, entry.digest)
        self._client.set_terminated(run, entry.status.value, end_time=entry.ended)


def _client(tracking_uri: str | None) -> "MlflowClient":
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigurationError(
            f"The MLflow client, which an export needs, is not installed; run: {INSTALL_COMMAND}"
        ) from error
    return MlflowClient(tracking_uri=tracking_uri)


def _experiment(client: "MlflowClient", name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name))
    if experiment.lifecycle_stage != "active":
        raise ConfigurationError(
            f"The experiment '{name}' is deleted in MLflow; restore it there, or name another with "
            "--experiment."
        )
    return str(experiment.experiment_id)


def _sent_before(client: "MlflowClient", experiment: str, run_key: str) -> "dict[str, Run]":
    """Return what was sent of a run before, by cell; the latest if a cell was sent twice."""
    sent: dict[str, Run] = {}
    token = None
    while True:
        page = client.search_runs(
            [experiment],
            f"tags.`{RUN_KEY_TAG}` = '{run_key}'",
            max_results=PAGE_SIZE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        sent |= {run.data.tags.get(CELL_TAG, ""): run for run in page}
        token = page.token
        if not token:
            return sent


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


@contextmanager
def _errors_translated() -> Iterator[None]:
    """Turn MLflow's exceptions into errors of one sentence, without the passwords in URLs."""
    try:
        yield
    except KerasMatrixError:
        raise
    except ImportError as error:
        raise ExportError(
            f"This kind of tracking store needs more than MLflow's client ({error}); "
            "run: pip install mlflow"
        ) from error
    except Exception as error:
        if not _is_from_mlflow(error):
            raise
        message = brief(_CREDENTIALS.sub("//", str(error)))
        raise ExportError(f"MLflow did not accept the run: {message}") from error


def _is_from_mlflow(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, (MlflowException, OSError))
