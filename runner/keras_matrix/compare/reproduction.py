"""Hold what a text reports of a script against what was measured. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from keras_matrix.compare.inference import (
    Conclusion,
    Inference,
    Values,
    compare,
    compare_ratio,
)
from keras_matrix.compare.intervals import LEVEL, MOST_SEEDS, Prediction, predict, predict_ratio
from keras_matrix.load.reported import Claim, Direction, Figure, Reported, is_time

Measured = Mapping[str, Mapping[str, Values]]
"""One value a seed, by image and metric."""

PARTS = ("first_batch_seconds", "first_epoch_seconds", "steady_epoch_seconds")
"""What a fit's time is told by besides its whole."""


class FigureVerdict(Enum):
    """Whether a figure is one that a further run could have given."""

    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    NOT_COMPARABLE = "not comparable"


class ClaimVerdict(Enum):
    """Whether what was measured bears a claim out."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_SUPPORTED = "not supported"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, kw_only=True)
class JudgedFigure:
    """A figure; or, with ``than``, the ratio of the reported times of ``image`` and ``than``.

    ``distance`` is how far it lies outside the prediction interval, in the figure's unit;
    ``deviations`` how far from the center, in standard deviations (of a ratio: of logarithms).
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
    """A claim, and what is to be said of it; ``inference`` has ``than`` as its reference.

    ``parts`` judges the same words by the parts of a ``fit``'s time: until its first batch is
    done, its first epoch, its steady ones.
    """

    claim: Claim
    inference: Inference | None
    verdict: ClaimVerdict
    why: str
    parts: tuple["JudgedClaim", ...] = ()


@dataclass(frozen=True)
class Reproduction:
    """All that was reported, judged; figures first, then the ratios of times."""

    figures: tuple[JudgedFigure, ...]
    claims: tuple[JudgedClaim, ...]


def judge(reported: Reported, measured: Measured, *, level: float = LEVEL) -> Reproduction:
    """Judge all figures and claims.

    A figure is one run's, so it is held against the prediction interval for one more run, widened
    by the figure's last digit, which may have been rounded or cut off. ``level`` holds for all
    figures together, and again for all claims together (Bonferroni): that of calling one
    inconsistent, supported or contradicted that is not. An absolute time belongs to its machine;
    the ratio of two images' times goes better from one to another, though not unchanged.

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
    parts = [replace(claim, metric=f"{stem}.{part}") for part in PARTS]
    known = [
        part
        for part in parts
        if all(_values(measured, image, part.metric) for image in (claim.than, claim.better))
    ]
    return tuple(_claim(part, measured, level, count * len(known)) for part in known)


def _ratios(figures: Sequence[Figure]) -> list[tuple[Figure, Figure]]:
    """Pair each time with that of the first image that has one of the same name."""
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
    sides = {one.image: _values(measured, one.image, one.metric) for one in (base, figure)}
    prediction = predict_ratio(*sides.values(), level=level, comparisons=comparisons)
    value = figure.value / base.value
    slack = value * (figure.resolution / figure.value + base.resolution / base.value)
    return _judged(figure, base.image, value, slack, prediction, _too_few(sides, figure.metric))


def _too_few(sides: Mapping[str, Sequence[float]], metric: str) -> str:
    for image, values in sides.items():
        if not values:
            return f"nothing was measured for {metric} of {image}"
    return "fewer than two usable values were measured, which have no spread"


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
        of = f"{interval.low:.4g} to {interval.high:.4g}, where one more run would fall"
        if not distance:
            why = f"within {of}"
        else:
            why = f"{abs(distance):.3g} {'above' if distance > 0 else 'below'} {of}"
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
    if time:
        found = compare_ratio(*sides, margin=1 + claim.margin, level=level, comparisons=comparisons)
    else:
        found = compare(*sides, margin=claim.margin, level=level, comparisons=comparisons)
    what = f"{claim.better} {'/' if time else '-'} {claim.than}"
    if found.estimate is None:
        told = f"{what}: {found.method}".removesuffix(".")
    else:
        told = f"{what} is {found.estimate:.3g}"
        if found.interval is not None:
            told += f" ({found.interval.low:.3g} to {found.interval.high:.3g})"
    if found.finding is Conclusion.DIFFERENT:
        supported = _is_better(found, claim.direction, none=1.0 if time else 0.0)
        verdict = ClaimVerdict.SUPPORTED if supported else ClaimVerdict.CONTRADICTED
        return JudgedClaim(claim, found, verdict, told)
    why = f"{found.finding.value}: {told}"
    if found.seeds_needed is not None:
        more = " or more" if found.seeds_needed >= MOST_SEEDS else ""
        why += f"; were that the true difference, {found.seeds_needed} seeds{more} would settle it"
    return JudgedClaim(claim, found, ClaimVerdict.NOT_SUPPORTED, why)


def _is_better(found: Inference, direction: Direction, none: float) -> bool:
    """Tell whether a difference is in that direction; not to be finite is worse in any case."""
    if found.estimate is None:
        other, reference = found.other, found.reference
        return other.unusable / other.seeds < reference.unusable / reference.seeds
    return found.estimate < none if direction is Direction.LOWER else found.estimate > none
