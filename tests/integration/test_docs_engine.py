"""The documentation's examples that need an engine, all in one folder: cells are run once."""

import pytest

from tests import ROOT, documents
from tests.documents import DOCS, ENGINE, Shell
from tests.integration.conftest import clean_environment

TUTORIAL = DOCS / "tutorial.md"
OTHERS = [
    pytest.param(document, id=str(document.path.relative_to(ROOT)))
    for document in map(documents.read, documents.PATHS)
    if document.path != TUTORIAL
    if any(ENGINE in block.words for block in document.blocks)
]


@pytest.fixture(scope="session")
def reader(images: None, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return the shell of a reader who has followed the tutorial."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("docker", "models"):
        (folder / name).symlink_to(ROOT / name)
    shell = Shell(folder, clean_environment(KERAS_MATRIX_HISTORY=str(folder / "history.sqlite")))
    assert shell.follow(documents.read(TUTORIAL), engine=True) > 3
    return shell


def test_tutorial(reader: Shell) -> None:
    page = reader.folder / "results/tutorial/report.html"
    assert page.stat().st_size < 2_000_000


@pytest.mark.parametrize("document", OTHERS)
def test_examples(document: documents.Document, reader: Shell) -> None:
    assert reader.follow(document, engine=True)
