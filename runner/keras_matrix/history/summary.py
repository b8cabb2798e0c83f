"""The summary of a run that the history keeps, from its records and comparison. Pure."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import msgspec

from keras_matrix.compare.comparison import Comparison, Row, Summary, Verdict
from keras_matrix.compare.matrix import Status, matrix_row, overall
from keras_matrix.compare.metrics import measures, without_compiles
from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Manifest, Outcome, Record
from keras_matrix.records.recorded import RecordedRun


@dataclass(frozen=True, kw_only=True)
class ImageSummary:
    """One image with one keras.json: its digest and content key, and its cells' outcomes.

    ``setting`` is the id of the keras.json; digest and key are empty if no cell has run.
    """

    image: str
    setting: str
    digest: str
    key: str
    status: Status
    outcomes: dict[Outcome, int]


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """One metric of one image with one keras.json, from ``n`` values, one a replicate.

    ``reference`` names the image or keras.json that it was compared with. ``absolute`` and
    ``relative`` are the difference of the medians, the latter as a share of the reference. A
    reference itself has an empty ``reference``, no verdict and no differences.
    """

    image: str
    setting: str
    metric: str
    kind: MetricKind
    n: int
    median: float
    low: float
    high: float
    reference: str = ""
    verdict: Verdict | None = None
    absolute: float | None = None
    relative: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """The summary of a run. ``created`` is in UTC; ``seeds`` is their number, 0 without seeds.

    ``place`` is the script's path within its repository, or the file's name if that is not known;
    ``commit`` is the repository's, or empty. ``axes`` is a digest of what has to be the same for
    two runs to be compared: see ``axes_of``.
    """

    run: str
    created: datetime
    folder: str
    model: str
    place: str
    script_sha256: str
    commit: str
    tool: str
    axes: str
    arguments: tuple[str, ...]
    reference: str
    seeds: int
    repeats: int
    status: Status
    images: tuple[ImageSummary, ...]
    metrics: tuple[MetricSummary, ...]


@dataclass(frozen=True, kw_only=True)
class ScriptSummary:
    """A script of the history: the number and time span of its runs, and the last of them."""

    model: str
    place: str
    runs: int
    first: datetime
    last: datetime
    run: str
    status: Status


def summarize(run: RecordedRun, comparison: Comparison) -> RunSummary:
    """Return what the history keeps of a run; ``comparison`` is that of its own images.

    Raises:
        StoreError: the manifest's date is not a date.
    """
    manifest, plan = run.manifest, run.manifest.plan
    entries = matrix_row(comparison, manifest).entries
    images, metrics = [], []
    several = len({cell.settings for cell in plan.cells}) > 1
    for image, setting in dict.fromkeys((cell.image, cell.settings.id) for cell in _sorted(plan)):
        side = [r for r in run.records if (r.cell.image, r.cell.settings.id) == (image, setting)]
        name = f"{image}.{setting}" if several else image
        entry = next(entry for entry in entries if entry.name == name)
        identity = next((r.image for r in side if r.image is not None), None)
        images.append(
            ImageSummary(
                image=image,
                setting=setting,
                digest=identity.digest if identity else "",
                key=identity.key if identity else "",
                status=entry.status,
                outcomes=dict(Counter(record.outcome for record in side)),
            )
        )
        rows = {row.metric: row for row in entry.rows} if entry.reference else {}
        metrics += _metrics(image, setting, side, rows, entry.reference)
    seeds = {cell.seed for cell in plan.cells if cell.seed is not None}
    return RunSummary(
        run=manifest.run,
        created=created_of(manifest),
        folder=str(run.folder.path),
        model=plan.model,
        place=place_of(manifest),
        script_sha256=plan.script_sha256,
        commit=manifest.commit,
        tool=manifest.tool,
        axes=axes_of(plan),
        arguments=plan.arguments,
        reference=plan.images[0],
        seeds=len(seeds),
        repeats=1 + max((cell.repeat for cell in plan.cells), default=0),
        status=overall(entries),
        images=tuple(images),
        metrics=tuple(metrics),
    )


def created_of(manifest: Manifest) -> datetime:
    """Return the time at which a run began, in UTC.

    Raises:
        StoreError: the manifest's date is not a date.
    """
    try:
        return datetime.fromisoformat(manifest.created).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise StoreError(
            f"The manifest of {manifest.run} is damaged: {manifest.created!r} is not a date; "
            "run it again."
        ) from error


def place_of(manifest: Manifest) -> str:
    """Return what distinguishes scripts of the same model's name: the path, or the file's name."""
    return manifest.place or manifest.script


def axes_of(plan: Plan) -> str:
    """Return a digest of a plan's axes, arguments and caps, without its seeds.

    Runs with the same digest have the same images in the same order, keras.json, arguments, caps
    and kind of first weights: what differs is the script, the images' content and chance.
    """
    settings = list(dict.fromkeys(cell.settings.id for cell in plan.cells))
    axes = (plan.images, settings, plan.arguments, plan.caps, plan.init)
    return hashlib.sha256(msgspec.json.encode(axes)).hexdigest()


def metrics_of(run: RunSummary, image: ImageSummary) -> list[MetricSummary]:
    """Return the metrics of an image with its keras.json in a run."""
    key = (image.image, image.setting)
    return [metric for metric in run.metrics if (metric.image, metric.setting) == key]


def _sorted(plan: Plan) -> list[Cell]:
    """Return the cells in the order of images; the plan's own order is random."""
    order = {image: place for place, image in enumerate(plan.images)}
    return sorted(plan.cells, key=lambda cell: order[cell.image])


def _metrics(
    image: str, setting: str, side: Sequence[Record], rows: dict[str, Row], reference: str
) -> list[MetricSummary]:
    good = {r.cell.id: measures(r) for r in side if r.outcome is Outcome.OK}
    values: dict[str, list[float]] = {}
    kinds: dict[str, MetricKind] = {}
    for by_metric in without_compiles(good).values():
        for measure in by_metric.values():
            values.setdefault(measure.metric, []).append(measure.value)
            kinds[measure.metric] = measure.kind
    summaries = []
    for metric, numbers in values.items():
        summary, row = Summary(tuple(numbers)), rows.get(metric)
        finite = [value for value in numbers if not math.isnan(value)]
        summaries.append(
            MetricSummary(
                image=image,
                setting=setting,
                metric=metric,
                kind=kinds[metric],
                n=len(numbers),
                median=summary.median,
                low=min(finite, default=math.nan),
                high=max(finite, default=math.nan),
                reference=reference if row is not None else "",
                verdict=row.verdict if row is not None else None,
                absolute=row.absolute if row is not None else None,
                relative=row.relative if row is not None else None,
            )
        )
    return summaries
