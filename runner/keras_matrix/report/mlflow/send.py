"""Send a run to MLflow tracking: a parent run for the matrix, and one run for each cell.

What was sent before is known by its tags: what has not changed since is left alone, a cell that
was sent in part, or ran again, is replaced (MLflow keeps the old one among the deleted).
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
from keras_matrix.report.mlflow.entries import PREFIX, Entry
from keras_matrix.text import brief

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Item = TypeVar("Item")

RUN_KEY = f"{PREFIX}.run_key"
CELL = f"{PREFIX}.cell"
DIGEST = f"{PREFIX}.digest"
"""Set last: an entry without it was not sent whole."""
PARENT = "mlflow.parentRunId"
COMPARISON_FILE = "comparison.json"
MOST_METRICS = 1000
MOST_OTHERS = 100
PAGE = 1000
INSTALL = "pip install 'keras-matrix[mlflow]'"
_SECRET = re.compile(r"//[^/@\s]*@")
"""A name and a password in an address."""


@dataclass(frozen=True)
class Sent:
    """What an export came to: the ids of the experiment and of the parent run, and the counts."""

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
) -> Sent:
    """Send a run; ``comparison`` is that of its images.

    Without a URI it goes where MLflow's own settings say; without an experiment to that of the
    model's name.

    Raises:
        ConfigurationError: MLflow's client is not installed, or the experiment cannot be used.
        ExportError: the tracking store cannot be reached, or refuses.
        StoreError: the run is damaged.
    """
    folder, manifest = run.folder, run.manifest
    described = json.render(comparison)
    matrix = entries.of_matrix(
        manifest,
        run.records,
        comparison,
        content=(folder.path / MANIFEST_FILE).read_bytes() + described.encode(),
    )
    with _refusals():
        client = _client(tracking_uri)
        place = _experiment(client, experiment or brief(manifest.plan.model))
        sender = _Sender(client, place, _known(client, place, entries.run_key(manifest)))

        def of_matrix(run: str) -> None:
            client.log_artifact(run, str(folder.path / MANIFEST_FILE))
            client.log_text(run, described, COMPARISON_FILE)

        parent = sender.update(matrix, of_matrix)
        for record in run.records:
            path = folder.record_path(record.cell)
            entry = entries.of_cell(manifest, record, path.read_bytes())
            sender.send(entry, parent, path)
    return Sent(place, parent, sender.new, sender.replaced, sender.unchanged)


class _Sender:
    """Sends the entries of one run into one experiment; ``known`` are those sent before."""

    def __init__(self, client: "MlflowClient", experiment: str, known: "dict[str, Run]") -> None:
        self._client = client
        self._experiment = experiment
        self._known = known
        self.new = self.replaced = self.unchanged = 0

    def update(self, entry: Entry, more: Callable[[str], None]) -> str:
        """Send the matrix, or what has changed of it since, and return its run's id.

        It is never replaced: the cells' runs name it, and so may others.
        """
        known = self._known.get(entry.cell)
        if known is None:
            run = self._begin(entry, {}).info.run_id
            known_parameters: set[str] = set()
        elif known.data.tags.get(DIGEST) == entry.digest:
            return str(known.info.run_id)
        else:
            run, known_parameters = known.info.run_id, {*known.data.params}
            # Of two values at a step MLflow shows the one of the later time.
            now = int(time.time() * 1000)
            entry = replace(entry, metrics=tuple(replace(one, at=now) for one in entry.metrics))
        self._fill(str(run), entry, known_parameters)
        more(str(run))
        self._end(str(run), entry)
        return str(run)

    def send(self, entry: Entry, parent: str, record: Path) -> None:
        """Send a cell, in place of what was sent of it before, unless that is the same."""
        known = self._known.get(entry.cell)
        if known is not None and known.data.tags.get(DIGEST) == entry.digest:
            if known.data.tags.get(PARENT) != parent:
                self._client.set_tag(known.info.run_id, PARENT, parent)
            self.unchanged += 1
            return
        if known is not None:
            self._client.delete_run(known.info.run_id)
            self.replaced += 1
        else:
            self.new += 1
        run = str(self._begin(entry, {PARENT: parent}).info.run_id)
        self._fill(run, entry, set())
        self._client.log_artifact(run, str(record))
        self._end(run, entry)

    def _begin(self, entry: Entry, more: dict[str, str]) -> "Run":
        # The tags that find it again go first: what is cut off is replaced, not left behind.
        return self._client.create_run(
            self._experiment,
            start_time=entry.started,
            tags={
                RUN_KEY: entry.tags[RUN_KEY],
                **({CELL: entry.cell} if entry.cell else {}),
                **more,
            },
            run_name=entry.name,
        )

    def _fill(self, run: str, entry: Entry, known_parameters: set[str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(one.name, one.value, one.at, one.step) for one in entry.metrics]
        for some in _chunks(metrics, MOST_METRICS):
            self._client.log_batch(run, metrics=some)
        # A parameter cannot be set to another value.
        parameters = [
            Param(name, value)
            for name, value in entry.parameters.items()
            if name not in known_parameters
        ]
        for batch in _chunks(parameters, MOST_OTHERS):
            self._client.log_batch(run, params=batch)
        for tags in _chunks([RunTag(*item) for item in entry.tags.items()], MOST_OTHERS):
            self._client.log_batch(run, tags=tags)

    def _end(self, run: str, entry: Entry) -> None:
        self._client.set_tag(run, DIGEST, entry.digest)
        self._client.set_terminated(run, entry.status.value, end_time=entry.ended)


def _client(tracking_uri: str | None) -> "MlflowClient":
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigurationError(
            f"An export to MLflow takes its client, which is not installed: {INSTALL}"
        ) from error
    return MlflowClient(tracking_uri=tracking_uri)


def _experiment(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage != "active":
        raise ConfigurationError(
            f"The experiment '{name}' is deleted in MLflow; restore it there, or name another with "
            "--experiment."
        )
    return str(found.experiment_id)


def _known(client: "MlflowClient", experiment: str, run_key: str) -> "dict[str, Run]":
    """Return what was sent of a run before, by cell; of what was sent twice the last."""
    found: dict[str, Run] = {}
    token = None
    while True:
        page = client.search_runs(
            [experiment],
            f"tags.`{RUN_KEY}` = '{run_key}'",
            max_results=PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        found |= {run.data.tags.get(CELL, ""): run for run in page}
        token = page.token
        if not token:
            return found


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(itertools.islice(rest, size)):
        yield some


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what MLflow raises into errors of one sentence, without the secrets of an address."""
    try:
        yield
    except KerasMatrixError:
        raise
    except ImportError as error:
        raise ExportError(
            f"This kind of tracking store takes more than MLflow's client ({error}): "
            "pip install mlflow"
        ) from error
    except Exception as error:
        if not _is_mlflows(error):
            raise
        said = brief(_SECRET.sub("//", str(error)))
        raise ExportError(f"MLflow did not take the run: {said}") from error


def _is_mlflows(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, (MlflowException, OSError))
