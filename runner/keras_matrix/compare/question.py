"""Choose what to ask of a metric, by the design of the run. Pure.

Where nothing is random but rounding, two sides compute the same or they do not, and every seed
shows it. Where each side draws numbers of its own, one seed shows nothing: what can be the same is
the distribution over seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.metrics import Measure
from keras_matrix.compare.repeats import seeds_itself
from keras_matrix.plan.cells import Init
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import MetricKind, Tolerances
from keras_matrix.records.record import Record

Replicate = tuple[int | None, int]
"""A seed, and the number of its repeat."""
PAIR = "--init paired gives all images the same first weights and compares seed by seed"
Measured = Mapping[Replicate, Mapping[str, Measure]]
"""What one side measured, by replicate and metric."""


@dataclass(frozen=True)
class Asked:
    """The question that is asked of a metric, and why this one: a clause for users.

    ``remedy`` is how to leave less to chance, where a difference may be one of first weights; empty
    if nothing is to be done about it.
    """

    question: Question
    why: str
    remedy: str = ""


class Design:
    """What the design of two sides says of the randomness that is left between them.

    ``records`` and ``measured`` are those of the reference and of the other side, ``shared`` the
    replicates that both have.
    """

    def __init__(
        self,
        records: Sequence[Mapping[Replicate, Record]],
        measured: Sequence[Measured],
        shared: Sequence[Replicate],
        tolerances: Tolerances,
    ) -> None:
        self._tolerances = tolerances
        self._shared = len(shared)
        self._seeds = len({seed for seed, _ in shared})
        good = [record for side in records for record in side.values()]
        self._paired = bool(good) and all(_is_paired(record) for record in good)
        self._remedy = "" if self._paired else PAIR
        self._same_draws = self._seeds > 0 and _draw_the_same(good)
        self._ignores_seeds = self._seeds > 1 and all(_ignores_seeds(side) for side in measured)
        self._drawn = {
            measure.metric
            for side in measured
            for by_metric in side.values()
            for measure in by_metric.values()
            if measure.drawn is not False
        }

    def ask(self, metric: str, kind: MetricKind) -> Asked:
        """Return the question to ask of a metric."""
        chosen = self._tolerances.chosen(metric, kind)
        if chosen is not None:
            return Asked(chosen, "as was chosen")
        if self._shared == 1:
            return Asked(Question.COMPUTATION, "there is one run of each", self._remedy)
        if kind is MetricKind.TIME:
            return Asked(Question.DISTRIBUTION, "times vary from run to run")
        if not self._shared:
            return Asked(Question.DISTRIBUTION, "the two share no seed")
        if self._same_draws:
            why = "both draw the same numbers: same backend, script and seeds"
            return Asked(Question.COMPUTATION, why)
        if self._seeds == 1:
            return Asked(Question.COMPUTATION, "there is one seed", self._remedy)
        if self._ignores_seeds:
            why = "the script seeds itself, or draws nothing"
            return Asked(Question.COMPUTATION, why, self._remedy)
        if kind is MetricKind.ARRAY and self._tolerances.rule(metric, kind) is not None:
            return Asked(Question.COMPUTATION, "a tolerance for its elements is given")
        if not self._paired:
            why = "each backend draws its own first weights"
            return Asked(Question.DISTRIBUTION, why, self._remedy)
        if metric in self._drawn:
            why = "first weights are paired, but each backend draws masks or noise of its own"
            return Asked(Question.DISTRIBUTION, why)
        return Asked(Question.COMPUTATION, "first weights are paired, and nothing else is drawn")


def _is_paired(record: Record) -> bool:
    return record.terms is not None and record.terms.init is Init.PAIRED


def _draw_the_same(records: Sequence[Record]) -> bool:
    """Tell whether all cells draw the same numbers from the same seed."""
    if any(record.cell.seed is None for record in records):
        return False
    designs = {
        (
            record.cell.image,
            record.cell.settings.floatx,
            record.observation.environment and record.observation.environment.backend,
            record.script_sha256,
            record.arguments,
            record.terms and record.terms.init,
        )
        for record in records
    }
    return len(designs) == 1


def _ignores_seeds(side: Measured) -> bool:
    values: dict[str, dict[int | None, float]] = {}
    for (seed, repeat), by_metric in side.items():
        for measure in by_metric.values() if not repeat else ():
            if measure.kind is not MetricKind.TIME:
                for name, value in measure.figures.items():
                    values.setdefault(name, {})[seed] = value
    return seeds_itself(values)
