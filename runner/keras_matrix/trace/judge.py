"""Judge what was measured: which differences there are, and which of them are real. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.trace.distance import LARGEST
from keras_matrix.trace.dump import Bundle, Node, port
from keras_matrix.trace.finding import Finding, Kind, Origin, at
from keras_matrix.trace.measure import Measured, Table, of_node

FAR = 100.0
"""Times the bound: rounding that grew is not so large while all else agrees."""


@dataclass(frozen=True)
class Replay:
    """What is to be computed again from identical inputs."""

    forward: tuple[str, ...] = ()
    gradient: tuple[str, ...] = ()
    loss: bool = False
    update: bool = False

    def __bool__(self) -> bool:
        return bool(self.forward or self.gradient or self.loss or self.update)

    def __or__(self, other: "Replay") -> "Replay":
        return Replay(
            forward=tuple(dict.fromkeys((*self.forward, *other.forward))),
            gradient=tuple(dict.fromkeys((*self.gradient, *other.gradient))),
            loss=self.loss or other.loss,
            update=self.update or other.update,
        )


def suspects(bundle: Bundle, table: Table) -> Replay:
    """Return what differs by more than rounding on the way through the model."""
    phases = phases_of(bundle)
    forward = [n.key for n in bundle.nodes if any_over(of_node(table, "output", n, phases))]
    gradient = [node.key for node in bundle.nodes if _gradient_over(table, node, phases[-1])]
    over = {what for (what, _, _), found in table.items() if found.over}
    backwards = bool({"gradient", "gradient.output"} & over)
    return Replay(
        forward=tuple(forward),
        gradient=tuple(gradient),
        loss="metric" in over or backwards,
        update=any(
            found.over and (what == "step.slot" or (what == "step" and name in bundle.trained))
            for (what, name, _), found in table.items()
        ),
    )


def same_start(table: Table) -> bool:
    """Tell whether weights and batch are the reference's."""
    return not any(found.over for (what, _, _), found in table.items() if what in _START)


_START = ("weight", "batch")


def start(bundle: Bundle, table: Table) -> Iterator[Finding]:
    """Yield weights and parts of the batch that differ before anything was computed."""
    for (what, name, _), found in table.items():
        if what not in _START or not found.over:
            continue
        node = holder(bundle, name) if what == "weight" else None
        text = "the first weights differ" if what == "weight" else "the first batch differs"
        yield finding_of(Kind.START, Origin.REAL, name, node, text, chained=found)


def forward(bundle: Bundle, table: Table, alone: Table) -> Iterator[Finding]:
    """Yield the layers whose outputs differ, each after all that feed it."""
    phases = phases_of(bundle)
    real: set[str] = set()
    over = {n.key for n in bundle.nodes if any_over(of_node(table, "output", n, phases))}
    for node in bundle.nodes:
        if node.key not in over:
            continue
        if any(key.startswith(node.key + "/") for key in real):
            # Told already, by the layer within that is to blame.
            real.add(node.key)
            continue
        chained = worst_of(of_node(table, "output", node, phases))
        by_itself = list(of_node(alone, "alone", node, phases))
        fed = any(key in over for key, _ in node.feeds)
        worst = worst_of(by_itself)
        if (worst is not None and worst.over) or (worst is None and not fed):
            origin = Origin.REAL
            real.add(node.key)
        else:
            origin = Origin.INHERITED if fed else Origin.AMPLIFIED
        shown = worst if origin is Origin.REAL and worst is not None else chained
        only = _only_phase(alone if worst is not None else table, node, phases, worst is not None)
        kind = kind_of(shown, Kind.FORWARD)
        if shown is not None and not shown.distance.same_shape:
            kind = Kind.SHAPE
        yield finding_of(kind, origin, node.key, node, f"output{only}", chained, worst)


def _only_phase(table: Table, node: Node, phases: list[str], alone: bool) -> str:
    what = "alone" if alone else "output"
    over = [phase for phase in phases if any_over(of_node(table, what, node, [phase]))]
    return f", {over[0]} phase only" if len(over) == 1 and len(phases) > 1 else ""


def loss(bundle: Bundle, table: Table, alone: Table, real: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the loss and metrics that differ although the model's outputs agree."""
    found = [m for (what, _, _), m in alone.items() if what == "alone.loss"]
    worst = worst_of(found)
    metrics = {
        name: worst_of(m for (what, one, _), m in table.items() if (what, one) == ("metric", name))
        for name in dict.fromkeys(name for what, name, _ in table if what == "metric")
    }
    outputs = bundle.model.outputs if bundle.model is not None else []
    apart = any(
        measured.over
        for phase in phases_of(bundle)
        for key, index in outputs
        if (measured := table.get(("output", port(key, index), phase))) is not None
    )
    inherited = apart or bool(real)
    for name, chained in metrics.items():
        if chained is None or not chained.over:
            continue
        # A metric cannot be replayed alone.
        shown = worst if _is_loss(name, metrics) else None
        if over(shown):
            origin = Origin.REAL
        elif inherited:
            origin = Origin.INHERITED
        else:
            origin = Origin.REAL if shown is None else Origin.AMPLIFIED
        kind = kind_of(shown or chained, Kind.LOSS)
        what = "loss" if _is_loss(name, metrics) else "metric"
        phases = [p for p in phases_of(bundle) if over(table.get(("metric", name, p)))]
        if len(phases) == 1 and len(phases_of(bundle)) > 1:
            what += f", {phases[0]} phase only"
        yield finding_of(kind, origin, name, None, what, chained, shown)
    if worst is not None and worst.over and not over(metrics.get("loss")):
        # Told apart from identical outputs only.
        kind = kind_of(worst, Kind.LOSS)
        yield finding_of(kind, Origin.REAL, "loss", None, "loss", metrics.get("loss"), worst)


def _is_loss(name: str, names: Iterable[str]) -> bool:
    return name == "loss" or (name.endswith("_loss") and "loss" in names)


def gradient(
    bundle: Bundle, table: Table, alone: Table, real: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the layers, and the loss, whose gradients differ although their outputs agree."""
    phase = phases_of(bundle)[-1]
    blamed = {finding.where for finding in real}
    by_loss = {k: m for k, m in alone.items() if k[0] == "alone.loss.gradient"}
    worst = worst_of(by_loss.values())
    explained = bool(real)
    if worst is not None and worst.over:
        origin = Origin.INHERITED if "loss" in blamed else Origin.REAL
        explained = True
        yield finding_of(
            kind_of(worst, Kind.GRADIENT),
            origin,
            "loss",
            None,
            "gradient by the outputs",
            None,
            worst,
        )
    penalty = {k: m for k, m in alone.items() if k[0] == "alone.penalty" and m.over}
    for (_, name, _), found in penalty.items():
        explained = True
        chained = table.get(("gradient", name, phase))
        node = holder(bundle, name)
        yield finding_of(
            kind_of(found, Kind.GRADIENT),
            *(Origin.REAL, name, node, "gradient of a regularizer", chained, found),
        )
    # Backwards: the first layer to differ is the last one of the model.
    for node in reversed(bundle.nodes):
        if not _gradient_over(table, node, phase):
            continue
        chained = worst_of(_gradients(table, node, phase))
        prefix = node.key + " "
        found_alone = {
            name.removeprefix(prefix): m
            for (what, name, _), m in alone.items()
            if what == "alone.gradient" and name.startswith(prefix)
        }
        worst = worst_of(found_alone.values())
        if worst is not None and worst.over:
            part = max(found_alone, key=lambda name: found_alone[name].excess)
            origin = Origin.INHERITED if node.key in blamed else Origin.REAL
            by = "its input" if part.startswith("input:") else part
            explained = True
            yield finding_of(
                kind_of(worst, Kind.GRADIENT),
                origin,
                node.key,
                node,
                f"gradient by {by}",
                chained,
                worst,
            )
        elif worst is None and not explained and _plain(table, node, chained, phase):
            # It cannot be replayed alone, and nothing else explains it.
            explained = True
            yield finding_of(
                kind_of(chained, Kind.GRADIENT), Origin.REAL, node.key, node, "gradient", chained
            )
        else:
            origin = Origin.INHERITED if explained else Origin.AMPLIFIED
            yield finding_of(
                kind_of(chained, Kind.GRADIENT), origin, node.key, node, "gradient", chained, worst
            )


def _plain(table: Table, node: Node, chained: Measured | None, phase: str) -> bool:
    """Tell whether a gradient that cannot be replayed alone is far off, its inputs being alike."""
    outer = bool(node.feeds) and "/" not in node.key
    if not outer or chained is None or chained.excess <= FAR:
        return False
    places = [*node.feeds, *((node.key, index) for index in range(node.outputs))]
    return not any(over(table.get(("output", port(*place), phase))) for place in places)


def _gradients(table: Table, node: Node, phase: str) -> Iterator[Measured]:
    """Yield the gradients by what a node takes: its inputs and its weights."""
    keys = [("gradient.output", port(key, index), phase) for key, index in node.feeds]
    keys += [("gradient", name, phase) for name in node.weights]
    yield from (table[key] for key in keys if key in table)


def _gradient_over(table: Table, node: Node, phase: str) -> bool:
    return any_over(_gradients(table, node, phase))


def phases_of(bundle: Bundle) -> list[str]:
    """Return the learning phases that were looked at, inference first."""
    return bundle.model.phases if bundle.model is not None else ["inference", "training"]


def holder(bundle: Bundle, weight: str) -> Node | None:
    """Return the first node with a weight, or the slot of one."""
    return next(
        (
            node
            for node in bundle.nodes
            if any(weight == name or weight.startswith(name + ".slot") for name in node.weights)
        ),
        None,
    )


def any_over(found: Iterable[Measured]) -> bool:
    """Tell whether one of them is more than rounding."""
    return any(measured.over for measured in found)


def over(found: Measured | None) -> bool:
    """Tell whether something was measured, and is more than rounding."""
    return found is not None and found.over


def worst_of(found: Iterable[Measured]) -> Measured | None:
    """Return the one that is furthest beyond its bound."""
    return max(found, key=lambda measured: measured.excess, default=None)


def kind_of(found: Measured | None, otherwise: Kind) -> Kind:
    """Return the kind of what differs: what is not finite is a kind of its own."""
    return Kind.NAN if found is not None and found.distance.odd else otherwise


def finding_of(
    kind: Kind,
    origin: Origin,
    where: str,
    node: Node | None,
    what: str,
    chained: Measured | None = None,
    alone: Measured | None = None,
) -> Finding:
    """Make a finding of what was measured."""
    limit = alone or chained
    return at(
        kind,
        origin,
        where,
        node,
        what=what,
        chained=chained.distance if chained is not None else None,
        alone=alone.distance if alone is not None else None,
        limit=min(limit.limit, LARGEST) if limit is not None else None,
    )
