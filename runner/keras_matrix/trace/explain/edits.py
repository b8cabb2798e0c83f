"""Change a minimal script: take the suspected cause away and leave all else as it is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Place(Enum):
    """A line of a minimal script, by its beginning, before which lines can be added."""

    IMPORTS = "import numpy"
    INPUTS = "inputs = "
    MODEL = "model = "
    COMPILE = "model.compile("


@dataclass(frozen=True)
class Insert:
    """Lines to add before a place."""

    place: Place
    lines: str


@dataclass(frozen=True)
class Apply:
    """Another way to apply the layer to the inputs, with ``{}`` for the inputs' name."""

    expression: str


@dataclass(frozen=True)
class Without:
    """A place whose line is left out if the script has it."""

    beginning: str


Edit = Insert | Apply | Without
APPLIED = "layer(inputs)"
SET_WEIGHTS = "layer.set_weights("


def edited(text: str, edits: Sequence[Edit]) -> str | None:
    """Return a minimal script with edits; None if it lacks a place that they need."""
    lines = text.split("\n")
    for edit in edits:
        match edit:
            case Insert():
                index = _find(lines, edit.place.value)
                if index is None:
                    return None
                lines[index:index] = edit.lines.rstrip("\n").split("\n")
            case Apply():
                index = _find(lines, Place.MODEL.value)
                if index is None or APPLIED not in lines[index]:
                    return None
                lines[index] = lines[index].replace(APPLIED, edit.expression.format("inputs"))
            case Without():
                index = _find(lines, edit.beginning)
                if index is not None:
                    # A statement of several lines has them indented.
                    end = index + 1
                    while end < len(lines) and lines[end].startswith(" "):
                        end += 1
                    del lines[index:end]
    return "\n".join(lines)


def _find(lines: Sequence[str], beginning: str) -> int | None:
    """Return the last line that begins so, since what the script took over precedes its own.

    Of the imports it is the first: what is changed in Keras precedes all use of it.
    """
    found = [index for index, line in enumerate(lines) if line.startswith(beginning)]
    if not found:
        return None
    return found[0] if beginning == Place.IMPORTS.value else found[-1]
