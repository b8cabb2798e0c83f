"""Text: what comes from outside made safe to print, and counts and lists of names in words."""

import re
from collections.abc import Sequence
from pathlib import Path

# Control sequences of ECMA-48 and the remaining controls of C0 and C1, except tab and newline;
# characters that change the direction of text, separate lines, or are not displayed at all.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\U000e0000-\U000e007f]"
)

# What decoding makes of bytes that are not text; it cannot be encoded again.
_SURROGATES = re.compile("[\ud800-\udfff]")

MAX_TAIL_LINES = 20
"""Lines that are shown of the end of an output."""
MAX_TAIL_WIDTH = 400
"""Characters of each line that is shown of the end of an output."""
MAX_BRIEF = 300
"""Characters of a text made brief."""
BRIEF_END = 180
"""Characters of a long text's end that are shown: the place and the remedy are there."""
GAP = " … "
"""Stands for the middle of a long text."""


def printable(text: str) -> str:
    """Remove terminal control sequences, control characters and direction characters.

    A character that cannot be encoded is replaced by its escape.
    """
    text = _CONTROLS.sub("", _SEQUENCES.sub("", text))
    return _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):x}", text)


def safe_json(text: str) -> str:
    """Escape the characters of a JSON text that a terminal may obey."""
    return _CONTROLS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    # JSON escapes a character beyond 16 bits as two units.
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[start : start + 2].hex()}" for start in range(0, len(units), 2))


def last_lines(text: str) -> tuple[str, ...]:
    """Return the last lines of an output, printable; a line that was redrawn in its last state."""
    lines = text.rstrip().split("\n")[-MAX_TAIL_LINES:]
    return tuple(displayed_line(line)[:MAX_TAIL_WIDTH] for line in lines if line)


def displayed_line(line: str) -> str:
    """Return a line of output as a terminal would show it: printable, in its last state."""
    return printable(line.rstrip("\r").rpartition("\r")[2])


def one_line(text: str) -> str:
    """Make a text printable and put it on one line, so that it cannot imitate further lines."""
    return " ".join(printable(text).split())


def brief(text: str) -> str:
    """Put a text on one line; keep only the beginning and the end of a long one."""
    line = one_line(text)
    if len(line) <= MAX_BRIEF:
        return line
    beginning = line[: MAX_BRIEF - BRIEF_END - len(GAP)]
    return f"{beginning.rstrip()}{GAP}{line[-BRIEF_END:].lstrip()}"


def plural(count: float, noun: str, nouns: str = "") -> str:
    """Return a count with its noun: ``1 cell``, ``2 cells``; ``nouns`` is an irregular plural."""
    number = str(count) if isinstance(count, int) else f"{count:g}"
    return f"{number} {noun if count == 1 else nouns or noun + 's'}"


def and_more(count: int, noun: str = "", nouns: str = "") -> str:
    """Return how many things a list leaves out: ``and 3 more rows``; an empty text for none.

    Without a noun, ``and 3 more``.
    """
    if count <= 0:
        return ""
    return (
        f"and {plural(count, f'more {noun}', nouns and f'more {nouns}')}"
        if noun
        else f"and {count} more"
    )


def listed(names: Sequence[str], limit: int, separator: str = ", ") -> str:
    """Join names, at most ``limit`` of them: ``tf, cntk and 3 more``."""
    shown = separator.join(names[:limit])
    rest = and_more(len(names) - limit)
    return f"{shown} {rest}" if rest else shown


def is_utf8(text: str) -> bool:
    """Tell whether a text can be encoded; file names may hold bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def discard(text: str) -> None:
    """Ignore a message: the default where no one listens to progress."""


def relative(path: Path) -> Path:
    """Return a path relative to the current folder if it is below it, otherwise unchanged."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
