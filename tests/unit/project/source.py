"""Reads the source of the project."""

import ast
import io
import tokenize
from pathlib import Path


def code_of(path: Path) -> str:
    """Return the names and strings of a module, without its comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    prose = {
        node.value.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    words = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        of_prose = token.type == tokenize.STRING and token.start[0] in prose
        if token.type != tokenize.COMMENT and not of_prose:
            words.append(token.string)
    return " ".join(words)
