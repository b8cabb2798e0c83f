"""Distances of images from the reference, layer by layer, in units of what rounding explains."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from keras_matrix.compare.figures import number
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, listed_parts, short_label, slug
from keras_matrix.report.plots.series import MAX_SERIES_LABEL_LENGTH
from keras_matrix.report.plots.theme import (
    DIFFER_COLOR,
    TOLERANCE_COLOR,
    SeriesStyle,
    plot_settings,
    series_style,
)
from keras_matrix.text import plural
from keras_matrix.trace.finding import Finding, TraceStage
from keras_matrix.trace.result import ImageTrace, Trace

STAGE_TITLES = {
    TraceStage.OUTPUTS: "outputs",
    TraceStage.GRADIENTS: "gradients",
    TraceStage.UPDATES: "weights after the optimizer's first steps",
    TraceStage.TRAINING: "weights after training",
}
"""The stages that have a chart, in order, and what a title calls each."""
MIN_DRAWN_DISTANCE = 1e-3
"""Smallest distance that is drawn in its place; smaller ones are drawn here."""
MAX_DRAWN_DISTANCE = 1e15
MAX_NAMED_LAYERS = 40
"""Layers that are named at the axis; in a deeper model every so many are."""
MAX_TABLE_LAYERS = 300
"""Layers in the table; of a deeper model those that are furthest from the reference."""
LAYER_HEIGHT = 19
"""Height of a layer's row, in units of 1/72 inch."""
MAX_LAYERS_HEIGHT = 760
"""Height of all rows, in units of 1/72 inch; in a deeper model rows are lower."""
MAX_MARKED_LAYERS = 80
"""Layers each of which has a marker; in a deeper model none has."""
TEXT_HEIGHT = 14
"""Height of a line of text beside the axes, in units of 1/72 inch."""


@dataclass(frozen=True)
class ImageProfile:
    """The distances of one image at one stage, by layer; infinite where they are not comparable.

    ``distances`` are the largest over the phases, ``by_phase`` those of each phase;
    ``first_to_differ`` is the first layer that differs by itself, None if no layer does.
    """

    image: str
    distances: Mapping[str, float]
    by_phase: Mapping[str, Mapping[str, float]]
    first_to_differ: str | None


def draw_divergence(trace: Trace) -> tuple[Chart, ...]:
    """Draw how far the layers are from the reference's, a chart for each stage compared.

    A trace from before such distances were recorded has no chart.
    """
    charts = []
    for stage in STAGE_TITLES:
        profiles = [
            profile
            for image in trace.images
            if (profile := image_profile(image, stage)) is not None
        ]
        if profiles:
            charts.append(_chart(trace, stage, profiles))
    return tuple(charts)


def image_profile(image: ImageTrace, stage: TraceStage) -> ImageProfile | None:
    """Return the distances of an image at a stage, None if it has none there."""
    by_phase: dict[str, dict[str, float]] = {}
    distances: dict[str, float] = {}
    for layer in image.profile:
        if layer.stage is stage:
            distance = math.inf if layer.excess is None else layer.excess
            by_phase.setdefault(layer.phase, {})[layer.name] = distance
            distances[layer.name] = max(distances.get(layer.name, 0.0), distance)
    if not distances:
        return None
    differing = (_layer_of(finding, distances) for finding in image.real if finding.stage is stage)
    return ImageProfile(image.image, distances, by_phase, next(filter(None, differing), None))


def _layer_of(finding: Finding, distances: Mapping[str, float]) -> str | None:
    """Return the layer of a finding, which may be at one of the layer's weights."""
    name = finding.where
    while name not in distances and "/" in name:
        name = name.rpartition("/")[0]
    return name if name in distances else None


def _chart(trace: Trace, stage: TraceStage, profiles: Sequence[ImageProfile]) -> Chart:
    layers = list(dict.fromkeys(name for profile in profiles for name in profile.distances))
    header, rows = _table(layers, profiles)
    return Chart(
        slug("divergence", stage.value),
        f"Layer by layer: {STAGE_TITLES[stage]}, against {short_label(trace.reference, 40)}",
        " ".join(_description(trace, stage, layers, profiles)),
        _figure(stage, layers, profiles),
        header,
        rows,
    )


def _unit(stage: TraceStage) -> str:
    return "the noise floor" if stage is TraceStage.TRAINING else "what rounding explains"


def _description(
    trace: Trace, stage: TraceStage, layers: Sequence[str], profiles: Sequence[ImageProfile]
) -> Iterator[str]:
    """Yield the sentences that say what a chart shows."""
    yield (
        f"Distance of each layer from {clean(trace.reference)}, in units of {_unit(stage)}; 1 is "
        f"the bound. {plural(len(layers), 'layer')} in the order of the model."
    )
    yield f"{listed_parts(map(_profile_summary, profiles))}."
    if len(layers) > MAX_TABLE_LAYERS:
        yield f"The table has the {MAX_TABLE_LAYERS} layers that are furthest from the reference."


def _profile_summary(profile: ImageProfile) -> str:
    image = clean(profile.image)
    furthest = max(profile.distances, key=lambda name: profile.distances[name])
    distance = profile.distances[furthest]
    if not distance:
        return f"{image} is identical in all layers"
    beyond = sum(distance > 1 for distance in profile.distances.values())
    counted = f"{beyond} of {len(profile.distances)} layers" if beyond else "no layer"
    verb = "are" if beyond > 1 else "is"
    how_far = f"at {distance:.2g}" if math.isfinite(distance) else "which cannot be compared"
    summary = f"{image}: {counted} {verb} beyond the bound, furthest {clean(furthest)}, {how_far}"
    if profile.first_to_differ is None:
        return summary
    return f"{summary}; the first to differ by itself is {clean(profile.first_to_differ)}"


def _table(
    layers: Sequence[str], profiles: Sequence[ImageProfile]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the header and the rows of a chart's table, a row for each layer."""
    included = set(layers)
    if len(layers) > MAX_TABLE_LAYERS:
        furthest_first = sorted(
            layers,
            key=lambda name: -max(profile.distances.get(name, 0.0) for profile in profiles),
        )
        included = set(furthest_first[:MAX_TABLE_LAYERS])
    columns = [(profile, phase) for profile in profiles for phase in profile.by_phase]
    header = [
        f"{clean(profile.image)}{f', {phase}' if phase else ''}" for profile, phase in columns
    ]
    rows = [
        (
            *(str(position), clean(name)),
            *(_distance_text(profile.by_phase[phase].get(name)) for profile, phase in columns),
            " and ".join(
                clean(profile.image) for profile in profiles if profile.first_to_differ == name
            ),
        )
        for position, name in enumerate(layers, 1)
        if name in included
    ]
    return ("position", "layer", *header, "first to differ"), tuple(rows)


def _distance_text(distance: float | None) -> str:
    return "not comparable" if distance == math.inf else number(distance)


def _figure(stage: TraceStage, layers: Sequence[str], profiles: Sequence[ImageProfile]) -> Figure:
    distances = [distance for profile in profiles for distance in profile.distances.values()]
    finite = [distance for distance in distances if math.isfinite(distance)]
    low, high = MIN_DRAWN_DISTANCE / 1.4, min(MAX_DRAWN_DISTANCE, max((10.0, *finite))) * 2
    with plot_settings():
        figure, axes = _layer_axes(layers)
        canvas.set_log_scale(axes.xaxis, low, high)
        axes.axvspan(low, 1, color=TOLERANCE_COLOR, linewidth=0, zorder=0)
        canvas.draw_baseline(axes, 1)
        handles: list[Artist] = []
        for index, profile in enumerate(profiles):
            style = series_style(index)
            _draw_profile(axes, layers, profile, style, high)
            name = short_label(profile.image, MAX_SERIES_LABEL_LENGTH)
            handles.append(canvas.series_handle(style, name))
        handles.append(Patch(color=TOLERANCE_COLOR, label=f"up to {_unit(stage)}"))
        if len(finite) < len(distances):
            handles.append(canvas.marker_handle("X", DIFFER_COLOR, "not comparable"))
        _name_first_to_differ(axes, layers, profiles)
        axes.set_xlabel(f"distance, in units of {_unit(stage)} (log scale)")
        canvas.add_legend(figure, handles)
        return canvas.fix_layout(figure)


def _layer_axes(layers: Sequence[str]) -> tuple[Figure, Axes]:
    """Return axes with a row for each layer, as many of them named as there is room for."""
    figure, axes = canvas.blank_figure(canvas.FRAME_HEIGHT + _layers_height(layers))
    step = math.ceil(len(layers) / MAX_NAMED_LAYERS)
    named = range(0, len(layers), step)
    axes.set_yticks(named, [short_label(layers[row], 28) for row in named])
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0 if step == 1 else 3)
    axes.grid(visible=False, axis="y")
    return figure, axes


def _layers_height(layers: Sequence[str]) -> float:
    """Return the height of all layers' rows together."""
    return min(MAX_LAYERS_HEIGHT, LAYER_HEIGHT * len(layers))


def _draw_profile(
    axes: Axes, layers: Sequence[str], profile: ImageProfile, style: SeriesStyle, high: float
) -> None:
    """Draw an image as a line from layer to layer; ``high`` is the end of the axis."""
    rows = [row for row, name in enumerate(layers) if name in profile.distances]
    axes.plot(
        [_drawn_distance(profile.distances[layers[row]], high) for row in rows],
        rows,
        color=style.color,
        linestyle=style.line.value,
        linewidth=1.4,
        marker=style.marker if len(layers) <= MAX_MARKED_LAYERS else "none",
        markersize=5,
        clip_on=False,
    )
    for row in rows:
        if math.isinf(profile.distances[layers[row]]):
            axes.plot([high], [row], marker="X", markersize=8, color=DIFFER_COLOR, clip_on=False)
    if profile.first_to_differ is not None:
        axes.plot(
            [_drawn_distance(profile.distances[profile.first_to_differ], high)],
            [layers.index(profile.first_to_differ)],
            marker="o",
            markersize=13,
            markerfacecolor="none",
            markeredgecolor=DIFFER_COLOR,
            markeredgewidth=1.8,
            linestyle="none",
            clip_on=False,
            zorder=5,
        )


def _drawn_distance(distance: float, high: float) -> float:
    """Return where a distance is drawn: moved onto the axis if it lies beyond its ends."""
    return min(max(distance, MIN_DRAWN_DISTANCE), high)


def _name_first_to_differ(
    axes: Axes, layers: Sequence[str], profiles: Sequence[ImageProfile]
) -> None:
    """Say, beside its row, where each image is the first to differ by itself."""
    row_height = _layers_height(layers) / len(layers)
    lowest_free_row = -math.inf
    rows = sorted(
        (layers.index(profile.first_to_differ), profile.image)
        for profile in profiles
        if profile.first_to_differ is not None
    )
    for row, image in rows:
        name = f"{short_label(image, 12)} " if len(profiles) > 1 else ""
        # Texts of neighbouring rows must not cover one another.
        text_row = max(float(row), lowest_free_row)
        canvas.write_beside(axes, text_row, f"{name}first to differ", DIFFER_COLOR)
        lowest_free_row = text_row + TEXT_HEIGHT / row_height
