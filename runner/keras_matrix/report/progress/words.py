"""Progress in words and figures, short enough for a narrow terminal."""

import math

from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.cell.watch import Seen
from keras_matrix.text import brief

MINUTE = 60
"""Seconds of a minute; those of an hour and of a day follow."""
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MAX_DURATION = 99 * DAY
"""Seconds; a longer time is not shown."""


def ending(record: Record) -> str:
    """Describe in a few words how a cell ended."""
    seconds = f"{record.timing.run:.1f} s"
    if record.outcome is Outcome.OK:
        return f"ok, {seconds}"
    return f"{record.outcome.value} after {seconds}: {brief(record.reason)}"


def duration(seconds: float, *, estimated: bool = False) -> str:
    """Return a time in seven characters at most, such as ``3.2 s``, ``4m 05s`` or ``2h 10m``.

    A time that is only ``estimated`` has no tenths.
    """
    if not seconds < MAX_DURATION:
        return "> 99 d"
    if seconds < 9.95 and not estimated:
        return f"{max(0.0, seconds):.1f} s"
    whole = math.ceil(max(0.0, seconds)) if estimated else round(seconds)
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE}m {whole % MINUTE:02d}s"
    if whole < DAY:
        return f"{whole // HOUR}h {whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d {whole % DAY // HOUR:02d}h"


def figure(value: float) -> str:
    """Return a metric in eleven characters at most."""
    return f"{value:.4g}"


def ordinal(seen: Seen) -> str:
    """Return the number of the current training, ``#2``; an empty text for the first one."""
    return "#" + seen.training.partition("#")[2] if "#" in seen.training else ""


def compiling(seen: Seen) -> str:
    """Describe whether the backend had to compile, and how much; empty if that is not known."""
    if seen.compiled:
        return f"cold, {seen.compiled} compiled"
    return "warm" if seen.warm else ""


def how_far(seen: Seen) -> str:
    """Describe in a line how far a cell is; empty before anything is known."""
    parts = []
    number = ordinal(seen)
    name = f"training {number}: " if number else ""
    if seen.tests is not None and seen.tested:
        parts.append(f"test {seen.tested} of {seen.tests}")
    elif seen.epoch:
        of = "" if seen.epochs is None else f" of {seen.epochs}"
        parts.append(f"{name}epoch {seen.epoch}{of}")
    elif seen.batches:
        parts.append(f"{name}batch {seen.batches}")
    parts += [f"{name} {figure(value)}" for name, value in seen.metrics]
    compiled = compiling(seen)
    if compiled:
        parts.append(compiled)
    if seen.left is not None and seen.epoch != seen.epochs:
        parts.append(f"about {duration(seen.left, estimated=True)} left")
    return ", ".join(parts)
