"""Text from outside, made safe to print."""

import re
from pathlib import Path

# ECMA-48 control sequences and what is left of the C0 and C1 controls, tabs and newlines apart;
# what changes the direction of text, separates lines, or does not show at all.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\U000e0000-\U000e007f]"
)

# What decoding made of bytes that are no text, and what cannot be encoded again.
_SURROGATES = re.compile("[\ud800-\udfff]")

TAIL_LINES = 20
TAIL_WIDTH = 400
LONGEST = 300
END = 180
"""Characters of a long text's end to show: that is where its place and what helps are."""
GAP = " … "


def printable(text: str) -> str:
    """Return ``text`` without terminal control sequences, control and direction characters.

    What cannot be encoded is spelled.
    """
    text = _CONTROLS.sub("", _SEQUENCES.sub("", text))
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):x}", text)


def safe_json(text: str) -> str:
    """Return JSON in which escapes stand for the characters that a terminal may obey."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    # Two escapes for a character beyond 16 bits.
    units = found.group().encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def last_lines(text: str) -> tuple[str, ...]:
    """Return the last lines of output, printable; of a line that was redrawn its last state."""
    lines = text.rstrip().split("\n")[-TAIL_LINES:]
    return tuple(
        printable(line.rstrip("\r").rpartition("\r")[2])[:TAIL_WIDTH] for line in lines if line
    )


def one_line(text: str) -> str:
    """Return ``text`` printable and on one line: a name from outside forges no further ones."""
    return " ".join(printable(text).split())


def brief(text: str) -> str:
    """Return ``text`` on one line; of a long one its beginning and its end."""
    line = one_line(text)
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST - END - len(GAP)].rstrip()}{GAP}{line[-END:].lstrip()}"


def is_utf8(text: str) -> bool:
    """Tell whether a text can be encoded; names from the system may hold bytes that are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unheard(text: str) -> None:
    """Tell nobody."""


def relative(path: Path) -> Path:
    """Return a path as one would type it from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
