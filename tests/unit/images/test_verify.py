from pathlib import Path

import pytest

from keras_matrix.errors import ImageError
from keras_matrix.images.verify import Installed, locked_versions, mismatches
from keras_matrix.load.catalog import Image, PinnedBase

IMAGE = Image(
    name="tf",
    folder="tf",
    backend="tensorflow",
    python="3.6.15",
    base=PinnedBase(reference="python:3.6", digest="sha256:" + "a" * 64),
    expect={"keras": "2.3.1"},
)
LOCKED = {"keras": "2.3.1", "numpy": "1.16.6"}


def test_pins_are_read_from_all_locks(tmp_path: Path) -> None:
    (tmp_path / "requirements-bootstrap.txt").write_text("pip==21.3.1 \\\n    --hash=sha256:00\n")
    (tmp_path / "requirements.txt").write_text(
        "# a comment with absl==9\n"
        "--index-url https://example.org\n"
        "Keras==2.3.1 \\\n"
        "    --hash=sha256:00 \\\n"
        "    --hash=sha256:11\n"
        "    # via -r requirements.in\n"
        "opt_einsum==3.3.0 ; python_version < '3.7' --hash=sha256:00\n"
        "zope.interface==5.0\n"
        "six==1.0;python_version<'4'\n"
    )
    assert locked_versions(tmp_path) == {
        "pip": "21.3.1",
        "keras": "2.3.1",
        "opt-einsum": "3.3.0",
        "zope-interface": "5.0",
        "six": "1.0",
    }


def test_a_folder_without_locks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("keras==2.3.1\n")
    with pytest.raises(ImageError, match="images lock"):
        locked_versions(tmp_path)


def test_an_image_as_locked_has_no_mismatch() -> None:
    assert mismatches(IMAGE, LOCKED, Installed(python="3.6.15", packages=dict(LOCKED))) == ()


@pytest.mark.parametrize(
    ("locked", "python", "packages", "line"),
    [
        (LOCKED, "3.6.14", LOCKED, "tf: python is 3.6.14, the catalog says 3.6.15"),
        (
            LOCKED,
            "3.6.15",
            {"keras": "2.3.1", "numpy": "1.16.5"},
            "tf: numpy is 1.16.5, the lock says 1.16.6",
        ),
        (LOCKED, "3.6.15", {"keras": "2.3.1"}, "tf: numpy is missing, the lock says 1.16.6"),
        (LOCKED, "3.6.15", LOCKED | {"six": "1.0"}, "tf: six 1.0 is installed, but not locked"),
        (
            {"keras": "2.3.0"},
            "3.6.15",
            {"keras": "2.3.0"},
            "tf: keras is locked at 2.3.0, the catalog says 2.3.1",
        ),
        ({}, "3.6.15", {}, "tf: keras is locked at nothing, the catalog says 2.3.1"),
    ],
)
def test_each_mismatch_is_a_line(
    locked: dict[str, str], python: str, packages: dict[str, str], line: str
) -> None:
    assert mismatches(IMAGE, locked, Installed(python=python, packages=packages)) == (line,)
