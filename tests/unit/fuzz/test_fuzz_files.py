"""Files that users write, and any bytes instead of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ROOT
from tests.unit.fuzz import targets as fuzz_targets
from tests.unit.fuzz.strategies import NASTY, anything, damaged, encoded, texts

DOCKER = ROOT / "docker" / "images.toml"
TOLERANCES = b"""schema = 1
[[tolerance]]
metric = "evaluate.*"
atol = 1e-3
rtol = 0.5
why = "as published"
"""
REPORTED = b"""schema = 1
[source]
title = "A paper"
[[figure]]
image = "tf"
metric = "fit.seconds"
value = 12.5
unit = "s"
[[figure]]
image = "theano"
metric = "evaluate.acc"
value = 1e-3
unit = "1"
[[claim]]
text = "faster"
metric = "fit.seconds"
better = "tf"
than = "theano"
direction = "lower"
margin = 0.1
"""
CONFIGURATION = b"""[tool.pytest.ini_options]
addopts = "-q"
[pytest]
testpaths = tests
 and more
[tool:pytest]
"""
NUMBERS = (
    *(
        "1",
        "-1",
        "0",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "0e400",
        "0e99999999999999999999",
        "1e-999999",
    ),
    *("1e9999999999999999999", "9" * 5000, "0x" + "f" * 5000, "0." + "1" * 5000, "1_0", "true"),
    *("1979-05-27", '"text"', "[]", "{}", "[" * 3000, "{a=" * 3000, "a." * 1500 + "a = 1"),
)
"""What may stand after an equals sign in TOML, and should not."""
SCRIPT = b"""from keras.datasets import mnist as m, cifar10
import keras.datasets.imdb as films
(x, y), _ = m.load_data()
cifar10.load_data(); films.load_data(path="x"); keras.datasets.reuters.load_data()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@st.composite
def toml(draw: st.DrawFn, sample: bytes) -> bytes:
    """Return a file like the sample, some of its values replaced."""
    lines = sample.decode().splitlines()
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(lines) - 1))
        name, equals, _value = lines[place].partition("=")
        nasty = st.sampled_from(NASTY).map(lambda text: json.dumps(text, ensure_ascii=True))
        if equals:
            lines[place] = f"{name}= {draw(st.sampled_from(NUMBERS) | nasty)}"
        else:
            lines.insert(
                place, draw(st.sampled_from([f"{json.dumps('x' * 400)} = 1", "[a.b]", "[[x]]"]))
            )
    return "\n".join(lines).encode()


def like(sample: bytes) -> st.SearchStrategy[bytes]:
    """Return files like the sample, damaged, or of any bytes at all."""
    return toml(sample) | damaged(st.just(sample)) | damaged(toml(sample)) | st.binary()


@given(like(DOCKER.read_bytes()))
def test_any_catalog(folder: Path, content: bytes) -> None:
    fuzz_targets.catalog_file(content, folder)


@given(like(TOLERANCES))
def test_any_tolerances(folder: Path, content: bytes) -> None:
    fuzz_targets.tolerance_file(content, folder)


@given(like(REPORTED))
def test_any_reported_figures(folder: Path, content: bytes) -> None:
    fuzz_targets.reported_file(content, folder)


@given(like(CONFIGURATION))
def test_any_configuration_of_pytest(folder: Path, content: bytes) -> None:
    fuzz_targets.pytest_configuration(content, folder)


expressions = st.recursive(
    st.sampled_from(["m", "keras", "x", "1", "f()", "(a, b)", "[0]", "'a'"]),
    lambda inner: (
        inner.map(lambda one: f"{one}.load_data()")
        | inner.map(lambda one: f"({one}).datasets")
        | st.tuples(inner, inner).map(lambda two: f"{two[0]}[{two[1]}]")
        | inner.map(lambda one: one + ".a" * 3000)
        | inner.map(lambda one: "-" * 300 + one)
    ),
    max_leaves=4,
)


@given(expressions.map(str.encode) | damaged(st.just(SCRIPT)) | st.binary())
def test_any_script(content: bytes) -> None:
    fuzz_targets.script_source(content)


sources = st.sampled_from(
    [
        *("%time x = 1", "%%time\nx", "%%capture", "!ls", "%matplotlib inline", "%%bash\nls", "?x"),
        *(
            "x = '''\n%time\n'''",
            "%" * 500,
            "%time " * 500,
            "\\\n" * 50,
            "%%",
            "# %%",
            "'''",
            "(" * 300,
        ),
    ]
) | texts(longest=200)
cells: st.SearchStrategy[object] = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "code", "code", "markdown", "raw", "x"]),
        "metadata": st.just({}) | anything(),
        "source": sources | st.lists(sources, max_size=3) | anything(),
    },
    optional={"outputs": st.just([]) | anything(), "execution_count": anything(), "id": texts()},
)
notebooks = st.fixed_dictionaries(
    {
        "nbformat": st.sampled_from([4, 4, 4, 4, 3, 2, 1, 5, 10**30, "4", None]),
        "nbformat_minor": st.sampled_from([5, 4, 0, -1, 10**30, None]),
        "metadata": st.just({})
        | st.fixed_dictionaries(
            {},
            optional={
                "language_info": st.just({"name": "python"}) | anything(),
                "kernelspec": st.just({"language": "python"}) | anything(),
                "jupytext": anything(),
            },
        ),
        "cells": st.lists(cells, max_size=3) | anything(),
    },
    optional={"worksheets": anything()},
)
WHOLE = encoded(
    {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "metadata": {},
                "source": "%time x = 1\n!ls\nprint(x)",
                "outputs": [],
                "execution_count": None,
            }
        ],
    }
)


@given(notebooks.map(encoded) | damaged(st.just(WHOLE)) | st.binary())
def test_any_notebook(content: bytes) -> None:
    fuzz_targets.notebook_file(content)
