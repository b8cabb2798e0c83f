"""Take from a script what a layer, a loss or an optimizer of its own needs. Pure."""

import ast
import builtins
import symtable
from collections.abc import Iterator

_BUILTINS = frozenset(dir(builtins))
MAX_CHARACTERS = 8000
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser makes of a text that is no script, or of one that is made to harm it."""


def needed(code: str, expression: str) -> str | None:
    """Return the top-level statements that the names in an expression rest on, in order.

    None where a name is not bound there, where the script cannot be read, or where that is more
    than a minimal script should hold.
    """
    try:
        tree = ast.parse(code)
        pending = _free(expression)
        bound = {index: set(_names(statement)) for index, statement in enumerate(tree.body)}
        texts = [_text(code, statement) for statement in tree.body]
        taken: set[int] = set()
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            seen.add(name)
            binding = [index for index, names in bound.items() if name in names]
            if not binding:
                return None
            for index in set(binding) - taken:
                taken.add(index)
                pending |= _free(texts[index]) - seen
    except UNREADABLE:
        return None
    text = "\n".join(texts[index] for index in sorted(taken))
    return text if len(text) <= MAX_CHARACTERS else None


def defines(code: str, name: str) -> bool:
    """Tell whether a script has a function or class of that name on its top level."""
    try:
        tree = ast.parse(code)
    except UNREADABLE:
        return False
    kinds = ast.FunctionDef | ast.ClassDef
    return any(isinstance(one, kinds) and one.name == name for one in tree.body)


def function_at(code: str, line: int) -> str | None:
    """Return the text of the lambda, or the name of the function, that begins on a line.

    None if there is none, or more than one.
    """
    try:
        tree = ast.parse(code)
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.FunctionDef) and _first_line(node) == line:
                return node.name if node in tree.body else None
        lambdas = [n for n in nodes if isinstance(n, ast.Lambda) and n.lineno == line]
        if not lambdas:
            # inspect tells the line of the statement, which a lambda may begin after.
            statements = [n for n in nodes if isinstance(n, ast.stmt) and n.lineno == line]
            inner = (n for one in statements for n in ast.walk(one))
            lambdas = [node for node in inner if isinstance(node, ast.Lambda)]
        return ast.get_source_segment(code, lambdas[0]) if len(lambdas) == 1 else None
    except UNREADABLE:
        return None


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _text(code: str, statement: ast.stmt) -> str:
    # Not splitlines, which also splits at what is no end of a line to Python.
    return "\n".join(code.split("\n")[_first_line(statement) - 1 : statement.end_lineno])


def _free(text: str) -> set[str]:
    """Return the names that a text takes from the module it stands in, built-in ones apart."""
    return set(_globals(symtable.symtable(text, "script", "exec"), True)) - _BUILTINS


def _globals(table: symtable.SymbolTable, top: bool) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, False)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement binds, whole blocks included."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.FunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Assign():
            for target in statement.targets:
                yield from _targets(target)
        case ast.AnnAssign() | ast.AugAssign():
            yield from _targets(statement.target)
        case ast.Try() | ast.With():
            yield from _inner(statement)
        case ast.If():
            # What runs the script is no definition.
            if "__name__" not in ast.unparse(statement.test):
                yield from _inner(statement)
        case _:
            return


def _inner(statement: ast.stmt) -> Iterator[str]:
    for field in ("body", "orelse", "finalbody"):
        for inner in getattr(statement, field, []):
            yield from _names(inner)
    for handler in getattr(statement, "handlers", []):
        for inner in handler.body:
            yield from _names(inner)


def _targets(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
