"""Text from outside, made safe to print."""

import re

# ECMA-48 control sequences and what is left of the C0 and C1 controls, tabs and newlines apart.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return ``text`` without terminal control sequences, control and direction characters."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def one_line(text: str) -> str:
    """Return ``text`` printable and on one line: a name from outside forges no further ones."""
    return " ".join(printable(text).split())
