"""Read the documentation: its blocks, links, anchors and tables; and run its examples.

A block's info string says what becomes of it: ``console`` is run in a shell, its output compared;
``console engine`` likewise, but needs a container engine; ``file=NAME`` is written before what
follows it is run. All else is for reading.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

from tests import ROOT

DOCS = ROOT / "docs"
PATHS = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
ENGINE = "engine"
PROMPT = "$ "
TIMEOUT = 600

_MARKDOWN = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=6)
_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is the number of its first line of text."""

    path: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    @property
    def file(self) -> str:
        """The name of the file that it is, empty if it is none."""
        found = (word.removeprefix("file=") for word in self.words if word.startswith("file="))
        return next(found, "")

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return place(self.path, self.line)


@dataclass(frozen=True)
class Example:
    """A command of a ``console`` block, and the output that stands below it."""

    line: int
    command: str
    wanted: str


@dataclass
class Section:
    """What stands below a heading, up to the next one of any level.

    ``rows`` are those of its tables, heads left out: the cells' text as it is written.
    """

    title: str
    level: int
    anchor: str
    rows: list[tuple[str, ...]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


@dataclass
class Document:
    """One file; ``sections`` begin with what stands above the first heading."""

    path: Path
    sections: list[Section]
    blocks: list[Block]

    @property
    def anchors(self) -> set[str]:
        """What a link may name behind its hash."""
        return {section.anchor for section in self.sections}

    def section(self, title: str) -> Section:
        """Return the one section of that title."""
        (found,) = [section for section in self.sections if section.title == title]
        return found

    def links(self) -> list[str]:
        """Return where its links and pictures lead."""
        return [link for section in self.sections for link in section.links]

    def codes(self) -> list[str]:
        """Return what it quotes as code within its text."""
        return [code for section in self.sections for code in section.codes]


def read(path: Path) -> Document:
    """Read a document."""
    found = Document(path, [Section("", 0, "")], [])
    tokens = _MARKDOWN.parse(path.read_text(encoding="utf-8"))
    row: list[str] | None = None
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        here = found.sections[-1]
        if token.type == "heading_open" and following is not None:
            title = "".join(child.content for child in following.children or ())
            anchor = str(token.attrGet("id"))
            found.sections.append(Section(title, int(token.tag[1:]), anchor))
        elif token.type == "fence" and token.map is not None:
            language, *words = token.info.split() or [""]
            found.blocks.append(
                Block(path, token.map[0] + 2, language, tuple(words), token.content)
            )
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            here.rows.append(tuple(row))
            row = None
        elif token.type == "thead_close":
            here.rows.pop()
        elif token.type == "inline":
            if row is not None:
                row.append(token.content)
            _take(token, here)
        elif token.type == "html_block":
            here.links += re.findall(r'(?:src|srcset|href)="([^"]+)"', token.content)
    return found


def _take(token: Token, section: Section) -> None:
    for child in token.children or ():
        if child.type == "code_inline":
            section.codes.append(child.content)
        elif child.type in ("link_open", "image"):
            section.links.append(str(child.attrGet("href") or child.attrGet("src")))


def place(path: Path, line: int) -> str:
    """Return a place for people: within the repository, if it is there."""
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"


def codes_in(cell: str) -> list[str]:
    """Return what a table's cell quotes as code."""
    return re.findall(r"`([^`]+)`", cell)


def examples(block: Block) -> Iterator[Example]:
    """Yield the commands of a block, each with the output below it.

    A command begins with a dollar sign; it goes on behind a backslash.
    """
    command: list[str] = []
    wanted: list[str] = []
    begin = block.line
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if command and not wanted and command[-1].endswith("\\"):
            command.append(line)
        elif line.startswith(PROMPT):
            if command:
                yield Example(begin, "\n".join(command), "\n".join(wanted))
            command, wanted, begin = [line.removeprefix(PROMPT)], [], number
        else:
            assert command, f"{block.place}: output without a command"
            wanted.append(line)
    assert command, f"{block.place}: no command"
    yield Example(begin, "\n".join(command), "\n".join(wanted))


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each call of ``keras-matrix`` in a block of shell."""
    lines = [one.command for one in examples(block)] if block.language == "console" else []
    for text in lines or [block.text]:
        joined = text.replace("\\\n", " ")
        for line in joined.splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if not set(word) <= set("();<>|&"):
                    words.append(word)
                    continue
                if words and words[0] == "keras-matrix":
                    yield words[1:]
                # What follows a redirection is a file.
                words = [word] if set(word) <= set("<>") else []


class Shell:
    """Runs the examples of documents in a folder, as a reader would."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self._environment = {**environment, "PATH": path}

    def follow(self, document: Document, *, engine: bool) -> int:
        """Write the files of a document, run its examples; return how many there were.

        ``engine`` says whether to run those that need one, or the others.

        Raises:
            AssertionError: a command prints something else, or fails without a word of it.
        """
        count = 0
        for block in document.blocks:
            if block.file:
                path = self.folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.language == "console" and (ENGINE in block.words) == engine:
                count += self._session(block)
        return count

    def _session(self, block: Block) -> int:
        status = 0
        found = list(examples(block))
        for number, example in enumerate(found):
            done = subprocess.run(
                # What ``$?`` is in a shell is known to the next command here, too.
                ["bash", "-c", f"(exit {status})\n{example.command}"],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
            status = done.returncode
            where = f"{place(block.path, example.line)}: $ {example.command}"
            same = doctest.OutputChecker().check_output(
                example.wanted + "\n", done.stdout or "\n", _SAME
            )
            assert same, f"{where}\n--- wanted\n{example.wanted}\n--- printed\n{done.stdout}"
            told = number + 1 < len(found) and found[number + 1].command == "echo $?"
            assert status == 0 or told, f"{where}\nends with status {status}; tell it with echo $?"
        return len(found)


DOCUMENTS = {str(path.relative_to(ROOT)): read(path) for path in PATHS}
"""All documents, by their path within the repository."""
