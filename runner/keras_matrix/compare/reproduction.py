"""Judge the figures and claims that a text reports of a script by what was measured. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from keras_matrix.compare.inference import (
    Conclusion,
    Inference,
    compare,
    compare_ratio,
)
from keras_matrix.compare.intervals import (
    LEVEL,
    MAX_SEEDS_NEEDED,
    Prediction,
    predict,
    predict_ratio,
)
from keras_matrix.compare.samples import Values
from keras_matrix.load.reported import Claim, Direction, Figure, Reported, is_time

Measured = Mapping[str, Mapping[str, Values]]
"""One value a seed, by image and metric."""

PARTS_OF_FIT = ("first_batch_seconds", "first_epoch_seconds", "steady_epoch_seconds")
"""The metrics of a fit's time besides the whole."""


class FigureVerdict(Enum):
    """Whether one more run could have given a figure."""

    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    NOT_COMPARABLE = "not comparable"


class ClaimVerdict(Enum):
    """Whether the measurements support a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_SUPPORTED = "not supported"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, kw_only=True)
class JudgedFigure:
    """A reported figure; with ``than``, the ratio of the reported times of ``image`` and ``than``.

    ``distance`` is how far the figure lies outside the prediction interval, in its own unit;
    ``deviations`` how far from the center, in standard deviations (for a ratio, of logarithms).
    """

    image: str
    than: str | None
    metric: str
    reported: float
    verdict: FigureVerdict
    why: str
    prediction: Prediction | None = None
    deviations: float | None = None
    distance: float | None = None


@dataclass(frozen=True)
class JudgedClaim:
    """A reported claim with its verdict; the reference of ``inference`` is the claim's ``than``.

    ``parts`` judges a claim on a ``fit``'s time by the parts of that time as well: until the first
    batch is done, the first epoch, the steady epochs.
    """

    claim: Claim
    inference: Inference | None
    verdict: ClaimVerdict
    why: str
    parts: tuple["JudgedClaim", ...] = ()


@dataclass(frozen=True)
class Reproduction:
    """All figures and claims of a text, judged; ratios of times come after the figures."""

    figures: tuple[JudgedFigure, ...]
    claims: tuple[JudgedClaim, ...]


def judge(reported: Reported, measured: Measured, *, level: float = LEVEL) -> Reproduction:
    """Judge all figures and claims.

    A figure is that of one run, so it is compared with the prediction interval for one more run,
    widened by the figure's last digit, which may have been rounded or cut off. ``level`` holds for
    all figures together, and again for all claims together (Bonferroni): it is the probability of
    calling any of them inconsistent, supported or contradicted that is not. An absolute time
    belongs to its machine; the ratio of two images' times carries over better to another machine,
    though not unchanged.

    Raises:
        ValueError: the level is not between 0 and 0.5.
    """
    ratios = _ratios(reported.figures)
    scores = [figure for figure in reported.figures if not is_time(figure.metric)]
    comparisons = max(1, len(scores) + len(ratios))
    figures = [_figure(figure, measured, level, comparisons) for figure in reported.figures]
    figures += [_ratio(*pair, measured, level, comparisons) for pair in ratios]
    count = len(reported.claims)
    claims = [
        replace(_claim(claim, measured, level, count), parts=_parts(claim, measured, level, count))
        for claim in reported.claims
    ]
    return Reproduction(tuple(figures), tuple(claims))


def _parts(claim: Claim, measured: Measured, level: float, count: int) -> tuple[JudgedClaim, ...]:
    """Judge a claim on a fit's time by each part of it that was measured on both images."""
    stem, _, last = claim.metric.rpartition(".")
    if last != "seconds":
        return ()
    parts = [replace(claim, metric=f"{stem}.{part}") for part in PARTS_OF_FIT]
    measured_parts = [
        part
        for part in parts
        if all(_values(measured, image, part.metric) for image in (claim.than, claim.better))
    ]
    return tuple(
        _claim(part, measured, level, count * len(measured_parts)) for part in measured_parts
    )


def _ratios(figures: Sequence[Figure]) -> list[tuple[Figure, Figure]]:
    """Pair each time with the first time of the same name, which is that of another image."""
    first: dict[str, Figure] = {}
    pairs = []
    for figure in figures:
        if is_time(figure.metric) and first.setdefault(figure.metric, figure) is not figure:
            pairs.append((first[figure.metric], figure))
    return pairs


def _values(measured: Measured, image: str, metric: str) -> list[float]:
    values = measured.get(image, {}).get(metric, ())
    return [*values.values()] if isinstance(values, Mapping) else [*values]


def _figure(figure: Figure, measured: Measured, level: float, comparisons: int) -> JudgedFigure:
    values = _values(measured, figure.image, figure.metric)
    prediction = None
    if is_time(figure.metric):
        why = "an absolute time belongs to the machine it was measured on"
    else:
        prediction = predict(values, level=level, comparisons=comparisons)
        why = _too_few({figure.image: values}, figure.metric)
    return _judged(figure, None, figure.value, figure.resolution, prediction, why)


def _ratio(
    base: Figure, figure: Figure, measured: Measured, level: float, comparisons: int
) -> JudgedFigure:
    sides = {side.image: _values(measured, side.image, side.metric) for side in (base, figure)}
    prediction = predict_ratio(*sides.values(), level=level, comparisons=comparisons)
    value = figure.value / base.value
    slack = value * (figure.resolution / figure.value + base.resolution / base.value)
    return _judged(figure, base.image, value, slack, prediction, _too_few(sides, figure.metric))


def _too_few(sides: Mapping[str, Sequence[float]], metric: str) -> str:
    for image, values in sides.items():
        if not values:
            return f"nothing was measured for {metric} of {image}"
    return "fewer than two usable values were measured, so nothing can be predicted"


def _judged(
    figure: Figure,
    than: str | None,
    value: float,
    slack: float,
    prediction: Prediction | None,
    why: str,
) -> JudgedFigure:
    if prediction is None:
        verdict, deviations, distance = FigureVerdict.NOT_COMPARABLE, None, None
    else:
        interval, deviations = prediction.interval, prediction.deviations(value)
        distance = interval.distance(value)
        if abs(distance) <= slack:
            verdict, distance = FigureVerdict.CONSISTENT, 0.0
        else:
            verdict = FigureVerdict.INCONSISTENT
        expected = f"{interval.low:.4g} to {interval.high:.4g}, where one more run would fall"
        if not distance:
            why = f"within {expected}"
        else:
            why = f"{abs(distance):.3g} {'above' if distance > 0 else 'below'} {expected}"
            if deviations is not None:
                why += f", and {abs(deviations):.1f} standard deviations off"
    return JudgedFigure(
        image=figure.image,
        than=than,
        metric=figure.metric,
        reported=value,
        verdict=verdict,
        why=why,
        prediction=prediction,
        deviations=deviations,
        distance=distance,
    )


def _claim(claim: Claim, measured: Measured, level: float, comparisons: int) -> JudgedClaim:
    for image in (claim.than, claim.better):
        if not _values(measured, image, claim.metric):
            why = f"nothing was measured for {claim.metric} of {image}"
            return JudgedClaim(claim, None, ClaimVerdict.NOT_COMPARABLE, why)
    sides = measured[claim.than][claim.metric], measured[claim.better][claim.metric]
    time = is_time(claim.metric)
    infer, margin = (compare_ratio, 1 + claim.margin) if time else (compare, claim.margin)
    inference = infer(*sides, margin=margin, level=level, comparisons=comparisons)
    what = f"{claim.better} {'/' if time else '-'} {claim.than}"
    if inference.estimate is None:
        why = f"{what}: {inference.method}".removesuffix(".")
    else:
        why = f"{what} is {inference.estimate:.3g}"
        if inference.interval is not None:
            why += f" ({inference.interval.low:.3g} to {inference.interval.high:.3g})"
    if inference.finding is Conclusion.DIFFERENT:
        supported = _is_better(inference, claim.direction, equal=1.0 if time else 0.0)
        verdict = ClaimVerdict.SUPPORTED if supported else ClaimVerdict.CONTRADICTED
        return JudgedClaim(claim, inference, verdict, why)
    why = f"{inference.finding.value}: {why}"
    needed = inference.seeds_needed
    if needed is not None:
        more = " or more" if needed >= MAX_SEEDS_NEEDED else ""
        why += f"; were that the true difference, {needed} seeds{more} would settle it"
    return JudgedClaim(claim, inference, ClaimVerdict.NOT_SUPPORTED, why)


def _is_better(inference: Inference, direction: Direction, equal: float) -> bool:
    """Return whether a difference is in that direction; ``equal`` is the estimate of equal sides.

    Without an estimate one side is finite more often, which is better in either direction.
    """
    if inference.estimate is None:
        other, reference = inference.other, inference.reference
        return other.unusable / other.seeds < reference.unusable / reference.seeds
    if direction is Direction.LOWER:
        return inference.estimate < equal
    return inference.estimate > equal
