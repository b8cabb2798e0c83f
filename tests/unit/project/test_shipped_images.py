"""What lies in docker/ fits together: catalog, Dockerfiles and locks."""

import re

import pytest

from keras_matrix.images.verify import locked_versions
from keras_matrix.load import catalog, shipped
from keras_matrix.load.catalog import Image

SHIPPED = catalog.load(shipped.default_root())
EACH = pytest.mark.parametrize("image", SHIPPED.images, ids=lambda image: str(image.name))
SHARED_PACKAGES = ("keras", "numpy", "scipy", "h5py")


def dockerfile(image: Image) -> str:
    return SHIPPED.dockerfile(image).read_text(encoding="utf-8")


def environment(image: Image) -> dict[str, str]:
    """Return what a Dockerfile sets by ENV."""
    joined = dockerfile(image).replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.+)$", joined, re.MULTILINE)
    return dict(part.split("=", 1) for part in line.split())


def test_all_backends_are_there() -> None:
    backends = {
        group: {image.backend for image in SHIPPED.select((group,))} for group in SHIPPED.groups
    }
    assert backends == {
        "legacy": {"tensorflow", "theano"},
        "keras3": {"tensorflow", "jax", "torch"},
    }


@EACH
def test_the_base_is_named_in_the_catalog_only(image: Image) -> None:
    assert re.findall(r"^ARG BASE.*$", dockerfile(image), re.MULTILINE) == ["ARG BASE"]
    assert re.findall(r"^FROM (.+)$", dockerfile(image), re.MULTILINE) == ["${BASE}"]


@EACH
def test_what_images_share_is_written_once(image: Image) -> None:
    assert image.shared == ("shared/install.sh",)
    assert (image.dockerfile == "shared/Dockerfile") == (image.group == "keras3")
    for word in ("pip", "useradd", "compileall"):
        assert not re.search(rf"^[^#]*\b{word}\b", dockerfile(image), re.MULTILINE)


def test_the_images_set_the_same_environment_but_for_their_backends() -> None:
    common = set.intersection(*(set(environment(image).items()) for image in SHIPPED.images))
    own = {"TF_CPP_MIN_LOG_LEVEL", "THEANORC"}
    for image in SHIPPED.images:
        assert environment(image).keys() - own == dict(common).keys()
    assert dict(common).keys() == {
        "LANG",
        "LOGNAME",
        "OPENBLAS_CORETYPE",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
    }


@EACH
def test_nothing_is_installed_from_the_distribution(image: Image) -> None:
    shared = [(SHIPPED.root / name).read_text(encoding="utf-8") for name in image.shared]
    for text in (dockerfile(image), *shared):
        instructions = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        assert not re.search(r"\bapt(-get)?\b", "\n".join(instructions))


@EACH
def test_the_dockerfile_does_not_run_as_root(image: Image) -> None:
    assert re.findall(r"^USER (.+)$", dockerfile(image), re.MULTILINE)[-1] == "10001:10001"


def test_pip_installs_with_hashes_only() -> None:
    text = (SHIPPED.root / "shared" / "install.sh").read_text(encoding="utf-8")
    joined = text.replace("\\\n", " ")
    installs = [line for line in joined.splitlines() if re.search(r"\bpip\b.*\binstall\b", line)]
    assert [("--require-hashes" in line) for line in installs] == [True]


def test_nothing_of_cuda_is_installed() -> None:
    for image in SHIPPED.images:
        names = locked_versions(SHIPPED.folder(image))
        assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]


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
                r"[A-Za-z0-9._-]+(==| @ https://)[^ ]+ .*--hash=sha256:[0-9a-f]{64}\b", requirement
            ), requirement


@pytest.mark.parametrize("group", SHIPPED.groups)
@pytest.mark.parametrize("package", SHARED_PACKAGES)
def test_the_images_of_a_group_differ_in_their_backend_only(package: str, group: str) -> None:
    images = SHIPPED.select((group,))
    versions = {locked_versions(SHIPPED.folder(image)).get(package) for image in images}
    assert len(versions) == 1
    assert None not in versions
