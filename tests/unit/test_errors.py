import importlib
import pkgutil
import re

import keras_matrix
from keras_matrix import errors
from keras_matrix.errors import KerasMatrixError

LINE = re.compile(r"^    ( *)(\w+Error) +(\d+)$", re.MULTILINE)


def tree(kind: type[KerasMatrixError], depth: int = 0) -> list[tuple[int, str, int]]:
    lines = [(depth, kind.__name__, int(kind.exit_code))]
    for child in kind.__subclasses__():
        lines += tree(child, depth + 1)
    return lines


def test_the_tree_of_errors_is_as_it_is_drawn() -> None:
    drawn = [
        (len(indent) // 2, name, int(code))
        for indent, name, code in LINE.findall(errors.__doc__ or "")
    ]
    assert drawn == tree(KerasMatrixError)


def test_every_error_that_a_user_sees_is_defined_in_one_module() -> None:
    for module in pkgutil.walk_packages(keras_matrix.__path__, "keras_matrix."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    names = [name for _, name, _ in tree(KerasMatrixError)]
    assert all(hasattr(errors, name) for name in names)
    assert len(names) == len(set(names))
