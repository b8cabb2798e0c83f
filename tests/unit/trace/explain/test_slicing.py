"""What a minimal script takes from the script that was traced."""

import ast

import pytest

from keras_matrix.trace.explain.slicing import function_at, needed_statements

CODE = """\
import numpy as np
from keras import backend as K, layers
import keras.losses

SCALE = 2
UNUSED = 3
A, (B, C) = 1, (2, 3)
TYPED: int = 4


def helper(x):
    return x * SCALE


def unused(x):
    return UNUSED


@keras.losses.serialized
class Twice(layers.Layer):
    def call(self, x):
        return helper(x)


model = [layers.Lambda(lambda t: helper(t) + B)]
"""


def taken(expression: str, code: str = CODE) -> str:
    statements = needed_statements(code, expression)
    assert statements is not None
    ast.parse(statements)
    return statements


def test_what_rests_on_nothing_needs_nothing() -> None:
    assert taken("lambda x: abs(x) + 1") == ""


def test_a_constant() -> None:
    assert taken("SCALE + 1") == "SCALE = 2"


def test_functions_come_with_what_they_rest_on() -> None:
    assert taken("helper") == "SCALE = 2\ndef helper(x):\n    return x * SCALE"


def test_a_class_comes_with_its_decorator_and_all_else() -> None:
    statements = taken("Twice()")
    assert (
        statements.index("from keras import")
        < statements.index("SCALE = 2")
        < statements.index("def helper")
    )
    assert "import keras.losses" in statements
    assert "@keras.losses.serialized\nclass Twice" in statements
    assert "unused" not in statements.lower()


@pytest.mark.parametrize("name", ["np", "K", "layers", "keras", "A", "B", "C", "TYPED"])
def test_all_ways_to_bind_a_name(name: str) -> None:
    assert name in taken(name)


def test_each_statement_is_taken_once_and_in_order() -> None:
    code = "a = 1\nb = a\na = b + 1\n"
    assert taken("a", code) == "a = 1\nb = a\na = b + 1"


def test_functions_that_call_each_other_end() -> None:
    code = "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\n"
    assert taken("f", code) == code.rstrip()


def test_parameters_are_not_the_scripts_names() -> None:
    code = "x = open('large.csv')\ndef double(x):\n    return x * 2\n"
    assert "large.csv" not in taken("double", code)
    assert taken("lambda x: x * 2", code) == ""


def test_local_names_are_not_the_scripts() -> None:
    code = "y = open('large.csv')\ndef double(x):\n    y = x * 2\n    return y\n"
    assert "large.csv" not in taken("double", code)


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    from a import f\nexcept ImportError:\n    from b import f\n",
        "if True:\n    def f(x):\n        return x\n",
    ],
)
def test_a_name_that_a_block_binds_is_not_left_out(code: str) -> None:
    assert needed_statements(code, "f") in (code.rstrip(), None)


def test_a_name_that_grows_later_is_not_half_of_it() -> None:
    code = "size = 1\nsize += 2\n"
    assert needed_statements(code, "size") in (code.rstrip(), None)


def test_line_breaks_that_only_some_count() -> None:
    code = "a = 1\n\x0c\nb = '\u2028'\n\n\ndef f(x):\n    return x\n"
    assert taken("f", code) == "def f(x):\n    return x"


@pytest.mark.parametrize(
    ("code", "expression"),
    [("print 'Python 2'", "a"), ("a = 1\0", "a"), ("a = 1", "a +"), ("a = 1", "a\0")],
)
def test_code_that_cannot_be_parsed_gives_none(code: str, expression: str) -> None:
    assert needed_statements(code, expression) is None


def test_an_expression_of_any_depth_does_not_crash() -> None:
    # A container wrote it; how deep Python's parser goes does not matter here.
    assert needed_statements(CODE, "-" * 4000 + "SCALE") in (None, "SCALE = 2")


def test_too_many_statements_give_none() -> None:
    assert needed_statements(f"TABLE = '{'a' * 10_000}'\n", "TABLE") is None


# Where a function begins


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (11, "helper"),
        (25, "lambda t: helper(t) + B"),
        (12, None),
        (1, None),
        (0, None),
        (999, None),
    ],
)
def test_functions_by_their_line(line: int, text: str | None) -> None:
    assert function_at(CODE, line) == text


def test_a_lambda_on_a_later_line_of_its_statement() -> None:
    code = "f = [\n    1,\n    lambda x: x,\n]\n"
    assert function_at(code, 3) == "lambda x: x"
    # Python 3.6 reports a statement's first line for some.
    assert function_at(code, 1) == "lambda x: x"


def test_a_lambda_of_several_lines() -> None:
    assert function_at("f = (lambda x:\n     x + 1)\n", 1) == "lambda x:\n     x + 1"


def test_a_function_inside_another_gives_none() -> None:
    assert function_at("def f():\n    def g(x):\n        return x\n    return g\n", 2) is None


def test_a_decorated_function_begins_with_its_decorator() -> None:
    # ``inspect.getsourcelines`` reports this line, in the container.
    assert function_at("import a\n@a.b\ndef f(x):\n    return x\n", 2) == "f"


def test_two_lambdas_on_a_line_cannot_be_distinguished() -> None:
    assert function_at("f = [lambda x: x + 1, lambda x: x * 2]\n", 1) is None


def test_text_that_is_not_python_has_no_functions() -> None:
    assert function_at("print 'Python 2'", 1) is None
