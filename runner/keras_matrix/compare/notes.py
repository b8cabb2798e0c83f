"""Notes on cells and images that no row shows, and the cells that failed. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence

from keras_matrix.compare.comparison import CellNote, Comparison, Verdict
from keras_matrix.compare.curves import compare_curves, first_apart
from keras_matrix.compare.figures import number
from keras_matrix.compare.metrics import Measure, loops, measured_calls, measures
from keras_matrix.compare.question import Design
from keras_matrix.compare.repeats import repeatability, seeds_itself
from keras_matrix.compare.sides import Side, Sides
from keras_matrix.plan.cells import Cell, Init, Plan
from keras_matrix.plan.contract import EndStatus
from keras_matrix.plan.images import BaseKind
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import MetricKind, Tolerance, Tolerances
from keras_matrix.records.record import Outcome, Record
from keras_matrix.text import last_lines, one_line


def cell_notes(records: Sequence[Record]) -> list[str]:
    """Return the notes of all cells without repeats, and notes on reused cells and bases."""
    cells: dict[str, list[str]] = {}
    for record in records:
        for note in record.notes:
            cells.setdefault(note, []).append(record.cell.id)
    notes = [
        f"{ids[0] if len(ids) == 1 else f'{len(ids)} cells'}: {note}" for note, ids in cells.items()
    ]
    reused = [record for record in records if record.reused is not None]
    if reused:
        runs = ", ".join(dict.fromkeys(str(record.reused) for record in reused))
        notes.append(f"reused: {len(reused)} of {len(records)} cells, from {runs}.")
    standins = sorted(
        {r.image.name for r in records if r.image is not None and r.image.base is BaseKind.STANDIN}
    )
    if standins:
        notes.append(f"base: standin for {', '.join(standins)}, not the official Python image.")
    return notes


def failures(records: Sequence[Record]) -> tuple[CellNote, ...]:
    """Return the cells without a score."""
    return tuple(
        CellNote(record.cell.id, record.outcome, record.reason, _last_lines(record))
        for record in records
        if record.outcome is not Outcome.OK
    )


def _last_lines(record: Record) -> tuple[str, ...]:
    """Return the end of the script's own traceback; without one, that of the log."""
    end = record.observation.end
    if end is None or end.error is None or not end.error.traceback:
        return record.log_tail
    if end.status == EndStatus.EXIT.value:
        # The script exited by itself: its output says why, and a traceback does not.
        return record.log_tail
    return last_lines(end.error.traceback)


CurvesBySeed = dict[str, dict[int, tuple[float, ...]]]
"""The curve of each seed, by metric."""

Scores = Sequence[tuple[Cell, Sequence[Measure]]]
"""What each cell measured, without times."""


def remarks(
    records: Sequence[Record], images: Sequence[str], tolerances: Tolerances
) -> tuple[str, ...]:
    """Return notes on the good records of a run, setting by setting."""
    good = [record for record in records if record.outcome is Outcome.OK]
    notes = notes_on_loops(good)
    for settings in dict.fromkeys(record.cell.settings for record in good):
        sides = {
            image: [r for r in good if r.cell.image == image and r.cell.settings == settings]
            for image in images
        }
        for image, side in sides.items():
            scores = [
                (record.cell, [m for m in measures(record) if m.kind is not MetricKind.TIME])
                for record in side
            ]
            notes += _notes_on_seeds(image, scores)
            notes += _notes_on_repeats(image, scores)
            notes += _notes_on_compiles(image, side)
        if len(images) > 1:
            notes += _notes_on_curves(sides, images[0], tolerances)
    return tuple(dict.fromkeys(notes))


def notes_on_loops(records: Sequence[Record]) -> list[str]:
    """Return notes on calls that are so many that most of them are left out of the rows."""
    counts: dict[str, list[int]] = {}
    for record in records:
        for site, count in loops(record).items():
            counts.setdefault(one_line(f"{site.kind} at {site.place}"), []).append(count)
    return [
        f"{place}: {_range(numbers)} calls; the first and the last are compared."
        for place, numbers in counts.items()
    ]


def advice_on_seeds(plan: Plan, comparison: Comparison) -> list[str]:
    """Say how to tell chance from a difference between images, where one run a side cannot."""
    seeds = {cell.seed for cell in plan.cells}
    apart = [row for row in comparison.rows if row.verdict is Verdict.DIFFER and not row.certain]
    if not apart or len(plan.images) < 2 or plan.init is not Init.OWN:
        return []
    if len(seeds) > 1:
        by_seed = [row.asked for row in apart if row.seeds is not None or row.elementwise]
        own = "a seed of the script's own gives each backend first weights of its own, too"
        advice = (f"{own}: {asked.remedy}." for asked in by_seed if asked and asked.remedy)
        return list(dict.fromkeys(advice))
    seed = "no seed" if seeds == {None} else "one seed"
    remedies = (
        "--seeds 10 tells chance from a difference, and --init paired gives all backends the same "
        "first weights"
    )
    return [f"{seed}, and each backend's own first weights: {remedies}."]


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _notes_on_seeds(image: str, scores: Scores) -> list[str]:
    values: dict[str, dict[int | None, float]] = {}
    for cell, measured in scores:
        for measure in measured if not cell.repeat else ():
            for name, value in measure.figures.items():
                values.setdefault(name, {})[cell.seed] = value
    if not seeds_itself(values):
        return []
    return [f"{image}: all seeds give the same figures: the script seeds itself, or draws nothing."]


def _notes_on_repeats(image: str, scores: Scores) -> list[str]:
    values: dict[str, dict[int | None, list[float]]] = {}
    for cell, measured in scores:
        for measure in measured:
            by_seed = values.setdefault(measure.metric, {})
            by_seed.setdefault(cell.seed, []).append(measure.value)
    repeats = {metric: repeatability(by_seed) for metric, by_seed in values.items()}
    if all(repeat.bit_identical is None for repeat in repeats.values()):
        return []
    unequal = {
        metric: repeat for metric, repeat in repeats.items() if repeat.bit_identical is False
    }
    if not unequal:
        return [f"{image} repeats itself: the same seed gives the same figures to the last bit."]
    named = ", ".join(f"{metric} {number(repeat.spread)}" for metric, repeat in unequal.items())
    return [f"{image} does not repeat itself: standard deviation within a seed: {named}."]


def _notes_on_compiles(image: str, records: Sequence[Record]) -> list[str]:
    """Say which times contain a compile; those are left out of the rows if others do not."""
    cold = [r for r in records if any(call.compiled for call in r.observation.calls)]
    if not cold:
        return []
    calls = [call for record in cold for call in record.observation.calls]
    modules = sum(call.compiled for call in calls)
    seconds = sum(call.compile_seconds for call in calls)
    work = f"{modules} modules in {seconds:.1f} s"
    if len(cold) == len(records):
        return [f"{image} compiled {work} (cold), which its times contain."]
    some = f"in {len(cold)} of {len(records)} cells (cold)"
    return [f"{image} compiled {work} {some}, whose times with a compile in them are left out."]


def _notes_on_curves(
    by_image: Mapping[str, Sequence[Record]], reference: str, tolerances: Tolerances
) -> list[str]:
    curves = {image: _curves(records) for image, records in by_image.items()}
    base = Side(reference, tuple(by_image[reference]))
    notes = []
    for image, ours in curves.items():
        if image == reference:
            continue
        sides = Sides(base, Side(image, tuple(by_image[image])))
        design = Design(sides.records, sides.measured, sides.shared, tolerances)
        shared = [metric for metric in ours if metric in curves[reference]]
        for metric in shared:
            seeds = sorted(curves[reference][metric].keys() & ours[metric].keys())
            question = design.ask(metric, MetricKind.SCORE).question
            tolerance = tolerances.for_metric(metric, MetricKind.SCORE, question)
            if len(seeds) < 2 or tolerance is None:
                continue
            here, there = (
                {seed: side[metric][seed] for seed in seeds} for side in (curves[reference], ours)
            )
            if question is Question.COMPUTATION:
                parted = first_apart(here, there, tolerance)
            else:
                margin = _allowed(tolerance, [here[seed][-1] for seed in seeds])
                comparisons = len(shared) * (len(curves) - 1)
                parted = compare_curves(here, there, margin=margin, comparisons=comparisons).parted
            if parted is not None:
                text = f"the curves of {image} and {reference} part at epoch {parted}"
                notes.append(f"{metric}: {text}.")
    return notes


def _allowed(tolerance: Tolerance, values: Sequence[float]) -> float:
    """Return how far the means of curves may be apart, by the reference's values at their end."""
    allowed = tolerance.allowed(sorted(values)[len(values) // 2])
    if tolerance.margin is not None and all(map(math.isfinite, values)):
        allowed = max(allowed, tolerance.margin * statistics.stdev(values))
    return allowed if math.isfinite(allowed) else 0.0


def _curves(records: Sequence[Record]) -> CurvesBySeed:
    curves: CurvesBySeed = {}
    for record in records:
        if record.cell.repeat:
            continue
        for call in measured_calls(record):
            if not call.epochs:
                continue
            for metric in call.epochs[0].metrics:
                if all(metric in epoch.metrics for epoch in call.epochs):
                    curve = tuple(float(epoch.metrics[metric]) for epoch in call.epochs)
                    name = f"{call.name}.{metric}"
                    curves.setdefault(name, {})[record.cell.seed or 0] = curve
    return curves
