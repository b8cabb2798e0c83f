import json
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import script
from keras_matrix.load.notebook import convert


def code(*lines: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": "\n".join(lines),
        "outputs": [],
        "execution_count": None,
    }


def text(*lines: str, kind: str = "markdown") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": "\n".join(lines)}


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    content = {"nbformat": 4, "nbformat_minor": 2, "metadata": metadata, "cells": list(cells)}
    return json.dumps(content).encode()


def run(content: bytes) -> dict[str, Any]:
    """Run what a notebook is converted to; return its variables."""
    values: dict[str, Any] = {}
    exec(convert("a.ipynb", content).code, values)  # noqa: S102 # our own lines, converted
    return values


def test_code_cells_run_in_their_order_and_texts_do_not() -> None:
    values = run(
        notebook(
            text("# A title", "raise ValueError"),
            code("a = 1"),
            text("raise ValueError", kind="raw"),
            code("b = a + 1", "c = '''", "%time is text here", "'''"),
        )
    )
    assert (values["b"], values["c"]) == (2, "\n%time is text here\n")


def test_what_ipython_times_runs() -> None:
    values = run(
        notebook(
            code("%%time", "a = 1"),
            code("", "%%capture out", "b = a + 1"),
            code("%time c = b + 1", "if c:", "    %time d = c + 1"),
        )
    )
    assert (values["a"], values["b"], values["c"], values["d"]) == (1, 2, 3, 4)


def test_what_only_ipython_runs_is_left_out_with_a_note() -> None:
    converted = convert(
        "a.ipynb",
        notebook(
            code("%matplotlib inline", "import os", "!pip install keras"),
            code("%%bash", "exit 1"),
            code("x = 7 % 4"),
        ),
    )
    values: dict[str, Any] = {}
    exec(converted.code, values)  # noqa: S102 # our own lines, converted
    assert values["x"] == 3
    assert converted.notes == (
        "a.ipynb, cell 1: left out %matplotlib inline",
        "a.ipynb, cell 1: left out !pip install keras",
        "a.ipynb, cell 2: left out %%bash",
    )


def test_cells_are_numbered_in_the_script() -> None:
    converted = convert("a.ipynb", notebook(text("hello"), code("a = 1"), code("b = 1")))
    assert b"# %% cell 2\na = 1\n\n# %% cell 3\nb = 1\n" in converted.code


def test_an_old_notebook_is_read() -> None:
    cell = {"cell_type": "code", "input": "a = 3", "outputs": [], "language": "python"}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]}
    assert run(json.dumps(old).encode())["a"] == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"import keras\n",
        b"[]",
        b"{}",
        b'{"nbformat": 4}',
        b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}',
        b'{"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": 3}',
        b'{"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [{"cell_type": "x"}]}',
        b'{"nbformat": "4", "nbformat_minor": [], "metadata": 1, "cells": {}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_one_sentence(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^a\.ipynb is not a notebook .*Jupyter\.$"):
        convert("a.ipynb", content)


def test_a_notebook_in_another_language_is_refused() -> None:
    content = notebook(code("1"), language_info={"name": "R"})
    with pytest.raises(ConfigurationError, match="in r; use one in Python"):
        convert("a.ipynb", content)


def test_a_notebook_is_a_script(tmp_path: Path) -> None:
    path = tmp_path / "mnist.ipynb"
    path.write_bytes(notebook(code("%time a = 1")))
    loaded = script.load(path)
    assert (loaded.name, loaded.file, loaded.converted) == ("mnist", "mnist.ipynb.py", True)
    assert loaded.files == {"mnist.ipynb": path.read_bytes(), "mnist.ipynb.py": loaded.code}
