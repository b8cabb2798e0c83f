"""Take from a script what a layer, a loss or an optimizer of its own needs. Pure."""

import ast
import builtins
from collections.abc import Iterator

_BUILTINS = frozenset(dir(builtins))
MAX_CHARACTERS = 8000


def needed(code: str, expression: str) -> str | None:
    """Return the top-level statements that the names in an expression rest on, in order.

    None where the script cannot be read, or where that is more than a minimal script should hold.
    """
    try:
        tree = ast.parse(code)
        wanted = _free(ast.parse(expression))
    except (SyntaxError, ValueError):
        return None
    bound = {index: _bound(statement) for index, statement in enumerate(tree.body)}
    taken: set[int] = set()
    pending = set(wanted)
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        seen.add(name)
        for index, names in bound.items():
            if name in names and index not in taken:
                taken.add(index)
                pending |= _free(tree.body[index]) - seen
    lines = code.splitlines()
    parts = [_text(lines, tree.body[index]) for index in sorted(taken)]
    text = "\n".join(parts)
    return text if len(text) <= MAX_CHARACTERS else None


def function_at(code: str, line: int) -> str | None:
    """Return the text of the lambda or function that begins on a line, None if there is none."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno == line:
            return node.name if node in tree.body else None
    for node in ast.walk(tree):
        # A statement over several lines has its lambda on a later one.
        if isinstance(node, ast.Lambda) and node.lineno == line:
            return ast.get_source_segment(code, node)
    for statement in ast.walk(tree):
        if isinstance(statement, ast.stmt) and statement.lineno == line:
            for node in ast.walk(statement):
                if isinstance(node, ast.Lambda):
                    return ast.get_source_segment(code, node)
    return None


def _text(lines: list[str], statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(one.lineno for one in decorators)])
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _free(tree: ast.AST) -> set[str]:
    """Return the names that are read somewhere in a tree; local ones do no harm."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id not in _BUILTINS
    }


def _bound(statement: ast.stmt) -> set[str]:
    return set(_names(statement))


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    yield node.id
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id
