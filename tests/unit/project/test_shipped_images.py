"""What lies in docker/ fits together: catalog, Dockerfiles and locks."""

import re

import pytest

from keras_matrix.images.verify import locked_versions
from keras_matrix.load import catalog, shipped
from keras_matrix.load.catalog import Image

SHIPPED = catalog.load(shipped.default_root())
EACH = pytest.mark.parametrize("image", SHIPPED.images, ids=lambda image: str(image.name))
SHARED = ("keras", "numpy", "scipy", "h5py")


def dockerfile(image: Image) -> str:
    return (SHIPPED.folder(image) / "Dockerfile").read_text(encoding="utf-8")


def test_both_backends_are_there() -> None:
    assert {image.backend for image in SHIPPED.images} == {"tensorflow", "theano"}


@EACH
def test_the_dockerfile_builds_on_the_pinned_base_by_default(image: Image) -> None:
    defaults = re.findall(r"^ARG BASE=(\S+)$", dockerfile(image), re.MULTILINE)
    assert defaults == [image.base.pinned]
    assert re.findall(r"^FROM (.+)$", dockerfile(image), re.MULTILINE) == ["${BASE}"]


@EACH
def test_nothing_is_installed_from_the_distribution(image: Image) -> None:
    instructions = [
        line for line in dockerfile(image).splitlines() if not line.lstrip().startswith("#")
    ]
    assert not re.search(r"\bapt(-get)?\b", "\n".join(instructions))


@EACH
def test_the_dockerfile_does_not_run_as_root(image: Image) -> None:
    assert re.findall(r"^USER (.+)$", dockerfile(image), re.MULTILINE)[-1] == "10001:10001"


@EACH
def test_pip_installs_with_hashes_only(image: Image) -> None:
    pip = re.findall(r'pip="([^"]+)"', dockerfile(image))
    assert len(pip) == 1
    assert "--require-hashes" in pip[0]


@EACH
def test_labels_say_what_the_catalog_says(image: Image) -> None:
    labels = dict(re.findall(r'(io\.keras-matrix\.[a-z-]+)="([^"]*)"', dockerfile(image)))
    distribution = {"tensorflow": "tensorflow", "theano": "theano"}[image.backend]
    assert labels == {
        "io.keras-matrix.python": image.python,
        "io.keras-matrix.keras": image.expect["keras"],
        "io.keras-matrix.backend": image.backend,
        "io.keras-matrix.backend-version": image.expect[distribution],
    }


@EACH
def test_expected_versions_are_the_locked_ones(image: Image) -> None:
    locked = locked_versions(SHIPPED.folder(image))
    assert {name: locked.get(name) for name in image.expect} == image.expect


@EACH
def test_every_locked_requirement_has_a_hash(image: Image) -> None:
    locks = sorted(SHIPPED.folder(image).glob("requirements*.txt"))
    assert locks
    for lock in locks:
        joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        requirements = [
            line for line in joined.splitlines() if line.strip() and line.lstrip()[0] != "#"
        ]
        assert requirements
        for requirement in requirements:
            assert re.match(
                r"[A-Za-z0-9._-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}\b", requirement
            ), requirement


@pytest.mark.parametrize("package", SHARED)
def test_the_images_differ_in_their_backend_only(package: str) -> None:
    versions = {locked_versions(SHIPPED.folder(image)).get(package) for image in SHIPPED.images}
    assert len(versions) == 1
    assert None not in versions
