from pathlib import Path

import pytest

import keras_matrix
from keras_matrix.load import catalog
from keras_matrix.load.shipped import default_root
from keras_matrix.plan.backends import BACKENDS
from tests.unit.project.source import code_of

PACKAGE = Path(keras_matrix.__file__).parent
NAMES = [backend.name for backend in BACKENDS]
ELSEWHERE = {PACKAGE / "plan" / "backends.py", *(PACKAGE / "trace" / "explain").rglob("*.py")}


@pytest.mark.parametrize(
    "path",
    # In a wheel, the images' own files lie in the package, too.
    sorted(p for p in PACKAGE.rglob("*.py") if p not in ELSEWHERE and "_docker" not in p.parts),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_only_explanations_name_a_backend_elsewhere(path: Path) -> None:
    code = code_of(path).lower()
    assert [name for name in NAMES if name in code] == []


def test_the_shipped_images_run_known_backends() -> None:
    images = catalog.load(default_root()).images
    assert {image.backend for image in images} == set(NAMES)
    for backend in BACKENDS:
        for name in backend.distributions:
            assert any(name in image.expect for image in images)
