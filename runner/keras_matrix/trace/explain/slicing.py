"""Extract from a script what a layer, loss or optimizer that it defines needs. Pure."""

import ast
import builtins
import symtable
from collections.abc import Iterator

_BUILTINS = frozenset(dir(builtins))
MAX_SLICE_CHARACTERS = 8000
"""The most characters that a minimal script takes over from the traced one."""
PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's parser raises for a text that is not a script, or for a malicious one."""


def needed_statements(code: str, expression: str) -> str | None:
    """Return the top-level statements that an expression's names depend on, in order.

    Return None if a name is not bound on the script's top level, if the script cannot be parsed, or
    if the statements are too long for a minimal script.
    """
    try:
        tree = ast.parse(code)
        pending = _free_names(expression)
        names_by_statement = {
            index: set(_bound_names(statement)) for index, statement in enumerate(tree.body)
        }
        texts = [_text(code, statement) for statement in tree.body]
        indexes: set[int] = set()
        resolved: set[str] = set()
        while pending:
            name = pending.pop()
            resolved.add(name)
            binding = {index for index, names in names_by_statement.items() if name in names}
            if not binding:
                return None
            for index in binding - indexes:
                indexes.add(index)
                pending |= _free_names(texts[index]) - resolved
    except PARSE_ERRORS:
        return None
    text = "\n".join(texts[index] for index in sorted(indexes))
    return text if len(text) <= MAX_SLICE_CHARACTERS else None


def defines_name(code: str, name: str) -> bool:
    """Tell whether a script defines a function or class with that name on its top level."""
    return bool(definition(code, name))


def definition(code: str, name: str) -> str:
    """Return the text of a function or class that a script defines on its top level, or nothing."""
    try:
        tree = ast.parse(code)
    except PARSE_ERRORS:
        return ""
    kinds = ast.FunctionDef | ast.ClassDef
    found = [node for node in tree.body if isinstance(node, kinds) and node.name == name]
    return _text(code, found[-1]) if found else ""


def function_at(code: str, line: int) -> str | None:
    """Return the text of the lambda, or the name of the function, that begins on a line.

    Return None if there is no such lambda or function, or more than one lambda.
    """
    try:
        tree = ast.parse(code)
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.FunctionDef) and _first_line(node) == line:
                return node.name if node in tree.body else None
        lambdas = [n for n in nodes if isinstance(n, ast.Lambda) and n.lineno == line]
        if not lambdas:
            # inspect reports the line of the statement; the lambda may begin on a later one.
            statements = [n for n in nodes if isinstance(n, ast.stmt) and n.lineno == line]
            inner = (n for statement in statements for n in ast.walk(statement))
            lambdas = [node for node in inner if isinstance(node, ast.Lambda)]
        return ast.get_source_segment(code, lambdas[0]) if len(lambdas) == 1 else None
    except PARSE_ERRORS:
        return None


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _text(code: str, statement: ast.stmt) -> str:
    # splitlines would also split at characters that end no line in Python code.
    return "\n".join(code.split("\n")[_first_line(statement) - 1 : statement.end_lineno])


def _free_names(text: str) -> set[str]:
    """Return the names, built-in ones apart, that a text uses from the module that it is in."""
    return set(_globals(symtable.symtable(text, "script", "exec"), True)) - _BUILTINS


def _globals(table: symtable.SymbolTable, is_top: bool) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (is_top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, False)


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement binds, whole blocks included."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.FunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Assign():
            for target in statement.targets:
                yield from _assigned_names(target)
        case ast.AnnAssign() | ast.AugAssign():
            yield from _assigned_names(statement.target)
        case ast.Try() | ast.With():
            yield from _names_in_blocks(statement)
        case ast.If():
            # A block that runs the script defines nothing that a layer needs.
            if "__name__" not in ast.unparse(statement.test):
                yield from _names_in_blocks(statement)
        case _:
            return


def _names_in_blocks(statement: ast.stmt) -> Iterator[str]:
    for field in ("body", "orelse", "finalbody"):
        for inner in getattr(statement, field, []):
            yield from _bound_names(inner)
    for handler in getattr(statement, "handlers", []):
        for inner in handler.body:
            yield from _bound_names(inner)


def _assigned_names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
