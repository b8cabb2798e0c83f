"""Where backends part, layer by layer: distances in units of what rounding explains."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from keras_matrix.compare.figures import number
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, counted, label, listed, slug
from keras_matrix.report.plots.theme import DIFFER, MARGIN, Look, drawing, look
from keras_matrix.trace.finding import Finding, Kind
from keras_matrix.trace.result import ImageTrace, Stage, Trace

STAGES = {
    Stage.OUTPUTS: "outputs",
    Stage.GRADIENTS: "gradients",
    Stage.UPDATES: "weights after the optimizer's first steps",
    Stage.TRAINING: "weights after training",
}
KINDS = {
    Kind.SHAPE: Stage.OUTPUTS,
    Kind.FORWARD: Stage.OUTPUTS,
    Kind.GRADIENT: Stage.GRADIENTS,
    Kind.UPDATE: Stage.UPDATES,
    Kind.TRAINING: Stage.TRAINING,
}
LEAST = 1e-3
"""What is nearer is drawn there."""
MOST = 1e15
NAMED = 40
"""Layers that are named at the axis; of more, every so many."""
MOST_ROWS = 300
ROW = 19
HEIGHT = 760
MARKED = 80
"""Up to so many layers each has a marker."""
GAP = 14


@dataclass(frozen=True)
class Side:
    """One image at one stage: the distance by layer, infinite where it cannot be compared.

    ``phases`` are the distances by phase; ``first`` is the first layer that differs by itself.
    """

    image: str
    worst: Mapping[str, float]
    phases: Mapping[str, Mapping[str, float]]
    first: str | None


def divergence(trace: Trace) -> tuple[Chart, ...]:
    """Draw how far apart the layers are, a chart for each stage that was compared.

    Nothing of a trace that was made before such distances were kept.
    """
    charts = []
    for stage in STAGES:
        found = [side for image in trace.images if (side := side_of(image, stage)) is not None]
        if found:
            charts.append(_chart(trace, stage, found))
    return tuple(charts)


def side_of(image: ImageTrace, stage: Stage) -> Side | None:
    """Return what is known of an image at a stage, None if there is nothing."""
    phases: dict[str, dict[str, float]] = {}
    worst: dict[str, float] = {}
    for one in image.profile:
        if one.stage is stage:
            excess = math.inf if one.excess is None else one.excess
            phases.setdefault(one.phase, {})[one.name] = excess
            worst[one.name] = max(worst.get(one.name, 0.0), excess)
    if not worst:
        return None
    real = (_layer_of(finding, worst) for finding in image.real if _stage_of(finding) is stage)
    return Side(image.image, worst, phases, next((name for name in real if name), None))


def _stage_of(finding: Finding) -> Stage | None:
    if finding.kind is not Kind.NAN:
        return KINDS.get(finding.kind)
    words = {"output": Stage.OUTPUTS, "gradient": Stage.GRADIENTS}
    return next((stage for word, stage in words.items() if finding.what.startswith(word)), None)


def _layer_of(finding: Finding, known: Mapping[str, float]) -> str | None:
    """Return the layer of a finding, which may be at one of its weights."""
    name = finding.where
    while name not in known and "/" in name:
        name = name.rpartition("/")[0]
    return name if name in known else None


def _chart(trace: Trace, stage: Stage, sides: Sequence[Side]) -> Chart:
    layers = list(dict.fromkeys(name for side in sides for name in side.worst))
    header, rows = _table(layers, sides)
    what = STAGES[stage]
    return Chart(
        slug("divergence", stage.value),
        f"Layer by layer: {what}, against {label(trace.reference, 40)}",
        " ".join(_described(trace, stage, layers, sides)),
        _figure(stage, layers, sides),
        header,
        rows,
    )


def _unit(stage: Stage) -> str:
    return "the noise floor" if stage is Stage.TRAINING else "what rounding explains"


def _described(
    trace: Trace, stage: Stage, layers: Sequence[str], sides: Sequence[Side]
) -> Iterator[str]:
    told = []
    for side in sides:
        over = [name for name, excess in side.worst.items() if excess > 1]
        most = max(side.worst, key=lambda name: side.worst[name])
        away = side.worst[most]
        if not away:
            told.append(f"{clean(side.image)} is identical throughout")
            continue
        far = f"{away:.2g} times that" if math.isfinite(away) else "not comparable"
        beyond = f"{len(over)} of {len(side.worst)} are beyond it" if over else "none is beyond it"
        told.append(f"{clean(side.image)}: {beyond}, furthest {clean(most)}, {far}")
        if side.first is not None:
            told[-1] += f"; the first to differ by itself is {clean(side.first)}"
    yield (
        f"Distance from {clean(trace.reference)} in units of {_unit(stage)}, in the order of the "
        f"model, {counted(len(layers), 'layer')}; 1 is the bound."
    )
    yield f"{listed(told)}."
    if len(layers) > MOST_ROWS:
        yield f"The table has the {MOST_ROWS} layers that are furthest apart."


def _table(
    layers: Sequence[str], sides: Sequence[Side]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    shown = set(layers)
    if len(layers) > MOST_ROWS:
        by_worst = sorted(layers, key=lambda n: -max(side.worst.get(n, 0.0) for side in sides))
        shown = set(by_worst[:MOST_ROWS])
    columns = [(side, phase) for side in sides for phase in side.phases]
    header = [f"{clean(side.image)}{f', {phase}' if phase else ''}" for side, phase in columns]
    rows = [
        (
            *(str(place), clean(name)),
            *(_cell(side.phases[phase].get(name)) for side, phase in columns),
            " and ".join(clean(side.image) for side in sides if side.first == name),
        )
        for place, name in enumerate(layers, 1)
        if name in shown
    ]
    return ("place", "layer", *header, "first to differ"), tuple(rows)


def _cell(excess: float | None) -> str:
    return "not comparable" if excess == math.inf else number(excess)


def _figure(stage: Stage, layers: Sequence[str], sides: Sequence[Side]) -> Figure:
    finite = [v for side in sides for v in side.worst.values() if math.isfinite(v)]
    most = min(MOST, max((10.0, *finite))) * 2
    with drawing():
        figure, axes = _axes(layers)
        canvas.on_log(axes.xaxis, LEAST / 1.4, most)
        axes.axvspan(LEAST / 1.4, 1, color=MARGIN, linewidth=0, zorder=0)
        canvas.line_at(axes, 1)
        handles: list[Artist] = []
        for place, side in enumerate(sides):
            style = look(place)
            _draw(axes, layers, side, style, most)
            handles.append(canvas.line_key(style, label(side.image, 24)))
        handles.append(Patch(color=MARGIN, label=f"up to {_unit(stage)}"))
        if any(math.isinf(v) for side in sides for v in side.worst.values()):
            handles.append(canvas.key("X", DIFFER, "not comparable"))
        _name_first(axes, layers, sides)
        axes.set_xlabel(f"distance, in units of {_unit(stage)} (log scale)")
        canvas.legend(figure, handles)
        return canvas.finished(figure)


def _axes(layers: Sequence[str]) -> tuple[Figure, Axes]:
    """Return axes with a row for each layer, as many named as there is room for."""
    height = min(HEIGHT, ROW * len(layers))
    figure, axes = canvas.blank(canvas.FRAME + height)
    step = math.ceil(len(layers) / NAMED)
    places = range(0, len(layers), step)
    axes.set_yticks(places, [label(layers[place], 28) for place in places])
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0 if step == 1 else 3)
    axes.grid(visible=False, axis="y")
    return figure, axes


def _draw(axes: Axes, layers: Sequence[str], side: Side, style: Look, most: float) -> None:
    rows = [place for place, name in enumerate(layers) if name in side.worst]
    values = [min(max(side.worst[layers[place]], LEAST), most) for place in rows]
    axes.plot(
        values,
        rows,
        color=style.color,
        linestyle=style.line.value,
        linewidth=1.4,
        marker=style.marker if len(layers) <= MARKED else "none",
        markersize=5,
        clip_on=False,
    )
    apart = [place for place in rows if math.isinf(side.worst[layers[place]])]
    for place in apart:
        axes.plot([most], [place], marker="X", markersize=8, color=DIFFER, clip_on=False)
    if side.first is not None:
        place = layers.index(side.first)
        axes.plot(
            [min(max(side.worst[side.first], LEAST), most)],
            [place],
            marker="o",
            markersize=13,
            markerfacecolor="none",
            markeredgecolor=DIFFER,
            markeredgewidth=1.8,
            linestyle="none",
            clip_on=False,
            zorder=5,
        )


def _name_first(axes: Axes, layers: Sequence[str], sides: Sequence[Side]) -> None:
    """Say, beside its row, where each image is the first to differ by itself."""
    height = min(HEIGHT, ROW * len(layers)) / len(layers)
    below = -math.inf
    found = sorted((layers.index(s.first), s.image) for s in sides if s.first is not None)
    for place, image in found:
        who = f"{label(image, 12)} " if len(sides) > 1 else ""
        # Not upon the one before.
        below = max(float(place), below + GAP / height)
        axes.text(
            *(1.02, below, f"{who}first to differ"),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            fontsize=11,
            color=DIFFER,
        )
