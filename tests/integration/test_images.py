"""Images: built once, on the base they should be, and holding what the lock says."""

import io
import json
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import docker
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from keras_matrix.errors import ImageError
from keras_matrix.images import standin
from keras_matrix.images.verify import locked_versions
from tests import ROOT
from tests.integration.conftest import clean_environment, command_line, keras_matrix
from tests.integration.registry import Registry, serving

DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY note.txt /note.txt\n"
ABSENT = f"sha256:{'0' * 64}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as registry:
        yield registry


@pytest.fixture
def catalog(tmp_path: Path, client: docker.DockerClient) -> Iterator[Path]:
    """A catalog of one image, 'small'; whatever was built of it is removed."""
    root = tmp_path / "catalog"
    (root / "small").mkdir(parents=True)
    (root / "small" / "note.txt").write_text(str(tmp_path))
    write_catalog(root, f"127.0.0.1:1/python@{ABSENT}")
    yield root
    for image in client.images.list(name="keras-matrix/small"):
        client.images.remove(str(image.id), force=True)


@cache
def standin_python() -> str:
    """Return a version of CPython that the host has: that of the images, or the tests' own."""
    try:
        standin.find_cpython("3.6.15")
    except ImageError:
        return platform.python_version()
    return "3.6.15"


def write_catalog(root: Path, base: str, dockerfile: str = DOCKERFILE) -> None:
    reference, _, digest = base.partition("@")
    (root / "small" / "Dockerfile").write_text(dockerfile)
    (root / "images.toml").write_text(
        f"""
        schema = 1
        [[image]]
        name = "small"
        folder = "small"
        backend = "tensorflow"
        python = "{standin_python()}"
        base = {{ reference = "{reference}", digest = "{digest}" }}
        expect = {{}}
        """
    )


def build(catalog: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return keras_matrix("images", "build", "--catalog", catalog, *options)


def test_base_of_the_registry_by_digest(
    catalog: Path, registry: Registry, client: docker.DockerClient
) -> None:
    base = f"{registry.address}/python:3.6-slim@{registry.digest}"
    write_catalog(catalog, base)
    done = build(catalog, "--base", "hub")
    assert done.returncode == 0, done.stderr
    assert "base: hub" in done.stdout
    assert "STAND-IN" not in done.stderr
    (image,) = client.images.list(name="keras-matrix/small")
    assert image.labels["io.keras-matrix.base-digest"] == registry.digest
    again = build(catalog, "--base", "hub")
    assert again.stdout == done.stdout
    assert again.stderr == "", "nothing to do, nothing to say"
    client.images.remove(base.replace(":3.6-slim", ""), force=True)


def test_digest_the_registry_does_not_have(catalog: Path, registry: Registry) -> None:
    """A wrong pin is not an unreachable registry: no stand-in hides it."""
    write_catalog(catalog, f"{registry.address}/python:3.6-slim@{ABSENT}")
    done = build(catalog)
    assert done.returncode == 6
    assert "The registry has no base" in done.stderr
    assert "correct the digest" in done.stderr


def test_stand_in_can_be_forbidden(catalog: Path) -> None:
    done = build(catalog, "--base", "hub")
    assert done.returncode == 6
    assert "cannot be pulled" in done.stderr
    assert "allow a stand-in with --base auto" in done.stderr


def test_stand_in_is_loud_and_told_apart(catalog: Path, client: docker.DockerClient) -> None:
    done = build(catalog)
    assert done.returncode == 0, done.stderr
    assert "WARNING: building on a STAND-IN base" in done.stderr
    assert "base: standin" in done.stdout
    (image,) = client.images.list(name="keras-matrix/small")
    assert image.tags[0].endswith("-standin")
    listed = json.loads(keras_matrix("images", "list", "--json", "--catalog", catalog).stdout)
    assert listed["images"][0]["base"] == "standin"
    assert listed["images"][0]["id"] == image.id


def test_dockerfile_that_fails_shows_its_last_lines(catalog: Path) -> None:
    write_catalog(
        catalog,
        f"127.0.0.1:1/python@{ABSENT}",
        "ARG BASE\nFROM ${BASE}\nRUN echo told before; exit 5\n",
    )
    done = build(catalog)
    assert done.returncode == 6
    assert "The image 'small' does not build" in done.stderr
    assert "told before" in done.stderr
    assert "Traceback" not in done.stderr


def start_slow_build(catalog: Path, seconds: int) -> "list[subprocess.Popen[str]]":
    write_catalog(
        catalog,
        f"127.0.0.1:1/python@{ABSENT}",
        f"ARG BASE\nFROM ${{BASE}}\nRUN sleep {seconds}\nCOPY note.txt /note.txt\n",
    )
    return [
        subprocess.Popen(
            command_line("images", "build", "--catalog", catalog),
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]


def test_two_builds_of_one_image_at_once(catalog: Path, client: docker.DockerClient) -> None:
    ended = [process.communicate(timeout=300) for process in start_slow_build(catalog, 3)]
    assert ended[0][0] == ended[1][0] != ""
    assert sum("building keras-matrix/small" in err for _, err in ended) == 1
    assert sum("waiting for the build of" in err for _, err in ended) == 1
    assert len(client.images.list(name="keras-matrix/small")) == 1


@pytest.mark.alone
def test_interrupted_build_leaves_nothing_running(
    catalog: Path, client: docker.DockerClient
) -> None:
    before = {container.id for container in client.containers.list(all=True, ignore_removed=True)}
    processes = start_slow_build(catalog, 300)
    new: set[str | None] = set()
    for _ in range(600):
        new = {container.id for container in client.containers.list(ignore_removed=True)} - before
        if new:
            break
        time.sleep(0.1)
    assert new, "the build never ran its step"
    for process in processes:
        process.send_signal(signal.SIGINT)
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Stopped by Ctrl-C" in err
        assert "Traceback" not in err
    for _ in range(300):
        left = {
            container.id for container in client.containers.list(all=True, ignore_removed=True)
        } - before
        if not left:
            break
        time.sleep(0.1)
    assert not left


@pytest.mark.usefixtures("images")
class TestShippedImages:
    def test_hold_what_is_locked(self) -> None:
        done = keras_matrix("images", "verify")
        assert done.returncode == 0, done.stdout
        assert "tf: " in done.stdout
        assert "packages as locked" in done.stdout

    def test_mismatch_is_a_line(self, tmp_path: Path, client: docker.DockerClient) -> None:
        """The lock is changed behind the image's back: it is labelled with the new key."""
        catalog = tmp_path / "catalog"
        shutil.copytree(ROOT / "docker", catalog)
        lock = catalog / "tf" / "requirements.txt"
        lock.write_text(lock.read_text().replace("six==1.17.0", "six==1.16.0"))
        built = json.loads(keras_matrix("images", "list", "--json").stdout)["images"][0]
        key = keras_matrix("images", "key", "tf", "--catalog", catalog).stdout.strip()
        suffix = "-standin" if built["base"] == "standin" else ""
        client.images.build(
            rm=True,
            fileobj=io.BytesIO(f"FROM {built['id']}\n".encode()),
            tag=f"keras-matrix/tf:{key}{suffix}",
            labels={"io.keras-matrix.key": key},
        )
        try:
            done = keras_matrix("images", "verify", "tf", "--catalog", catalog)
        finally:
            client.images.remove(f"keras-matrix/tf:{key}{suffix}")
        assert done.returncode == 6
        assert done.stdout == "tf: six is 1.17.0, the lock says 1.16.0\n"

    def test_a_bill_of_materials_holds_what_the_lock_does(self, tmp_path: Path) -> None:
        file = tmp_path / "tf.cdx.json"
        done = keras_matrix("images", "sbom", "tf", "--output", file)
        assert done.returncode == 0, done.stderr
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()) is None
        found = [one["purl"] for one in json.loads(file.read_text())["components"] if "purl" in one]
        assert {"pkg:pypi/tensorflow@1.14.0", "pkg:generic/python@3.6.15"} <= set(found)
        locked = locked_versions(ROOT / "docker" / "tf")
        assert {f"pkg:pypi/{name}@{version}" for name, version in locked.items()} <= set(found)
        assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in found)


def test_a_tag_that_was_moved_names_no_image(catalog: Path, client: docker.DockerClient) -> None:
    """The same image under another key's tag: what it holds is not what the tag says."""
    assert build(catalog).returncode == 0
    (image,) = client.images.list(name="keras-matrix/small")
    (catalog / "small" / "note.txt").write_text("another content")
    key = keras_matrix("images", "key", "small", "--catalog", catalog).stdout.strip()
    image.tag("keras-matrix/small", f"{key}-standin")
    listed = json.loads(keras_matrix("images", "list", "--json", "--catalog", catalog).stdout)
    assert listed["images"][0]["id"] is None
    again = build(catalog)
    assert again.returncode == 0, again.stderr
    assert str(image.id) not in again.stdout


def test_save_and_load(catalog: Path, tmp_path: Path, client: docker.DockerClient) -> None:
    assert build(catalog).returncode == 0
    file = tmp_path / "small.tar"
    saved = keras_matrix("images", "save", "small", file, "--catalog", catalog)
    assert saved.returncode == 0, saved.stderr

    def listed() -> str:
        return keras_matrix("images", "list", "--json", "--catalog", catalog).stdout

    before = listed()
    for image in client.images.list(name="keras-matrix/small"):
        client.images.remove(str(image.id), force=True)
    assert json.loads(listed())["images"][0]["id"] is None
    loaded = keras_matrix("images", "load", file)
    assert loaded.returncode == 0, loaded.stderr
    assert listed() == before
