"""Judge the optimizer's first steps, and what changes with a step but is not trained. Pure."""

from collections.abc import Iterator, Sequence

from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.finding import Finding, Kind, Origin
from keras_matrix.trace.judge import any_over, finding_of, holder, kind_of, phases_of
from keras_matrix.trace.measure import Measured, Table, of_node

FIRST = "1"


def update(
    bundle: Bundle, table: Table, alone: Table, real: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the weights that differ after a step although its gradients agree."""
    trained = bundle.trained
    stepped = list(
        dict.fromkeys(
            name for what, name, _ in (*table, *alone) if what.split(".")[-1] in ("step", "slot")
        )
    )
    replayed = any(what == "alone.step" for what, _, _ in alone)
    blamed = {finding.where for finding in real}
    for name in stepped:
        what = "step.slot" if name not in trained and _is_slot(name) else "step"
        chained = _first_over(table, what, name)
        by_itself = _first_over(alone, f"alone.{what}", name)
        if chained is None and by_itself is None:
            continue
        node = holder(bundle, name)
        label = "slot of the optimizer" if what == "step.slot" else "weight"
        if what == "step" and name not in trained:
            yield from _moving(bundle, table, name, chained, blamed, real)
            continue
        if by_itself is not None:
            origin = Origin.REAL
        elif replayed:
            origin = Origin.AMPLIFIED if not real else Origin.INHERITED
        else:
            origin = Origin.INHERITED if real or _gradients_over(table) else Origin.REAL
        step, shown = by_itself or chained or ("", None)
        yield finding_of(
            kind_of(shown, Kind.UPDATE),
            *(origin, name, node, f"{label} after step {step}"),
            chained=chained[1] if chained is not None else None,
            alone=by_itself[1] if by_itself is not None else None,
        )


def _moving(
    bundle: Bundle,
    table: Table,
    name: str,
    chained: tuple[str, Measured] | None,
    blamed: set[str],
    real: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield a moving average that differs although what was averaged agrees."""
    if chained is None:
        return
    nodes = [node for node in bundle.nodes if name in node.weights]
    phase = phases_of(bundle)[-1]
    fed = any(
        any_over(of_node(table, "output", source, [phase]))
        for node in nodes
        for key, _ in node.feeds
        if (source := bundle.node(key)) is not None
    )
    step, found = chained
    origin = Origin.REAL
    if any(node.key in blamed for node in nodes):
        origin = Origin.INHERITED
    elif fed:
        origin = Origin.INHERITED if real else Origin.AMPLIFIED
    elif step != FIRST and _trained_apart(bundle, table):
        # The weights before it are others by then.
        origin = Origin.INHERITED if real else Origin.AMPLIFIED
    kind = kind_of(found, Kind.UPDATE)
    node = nodes[0] if nodes else None
    yield finding_of(kind, origin, name, node, f"moving average after step {step}", chained=found)


def _trained_apart(bundle: Bundle, table: Table) -> bool:
    """Tell whether trained weights differ after the first step."""
    return any(
        measured.over and name in bundle.trained
        for (what, name, step), measured in table.items()
        if what == "step" and step == FIRST
    )


def _first_over(table: Table, what: str, name: str) -> tuple[str, Measured] | None:
    """Return the first step after which a weight differs."""
    steps = sorted((w for one, label, w in table if (one, label) == (what, name)), key=_count)
    for step in steps:
        if table[what, name, step].over:
            return step, table[what, name, step]
    return None


def _count(step: str) -> int:
    return int(step) if step.isdecimal() else 0


def _is_slot(name: str) -> bool:
    return name == "iterations" or ".slot" in name


def _gradients_over(table: Table) -> bool:
    return any(m.over for (what, _, _), m in table.items() if what.startswith("gradient"))
