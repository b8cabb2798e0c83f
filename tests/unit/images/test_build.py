"""What a build hands to the engine."""

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

import keras_matrix
from keras_matrix.engine.answers import ImageInfo
from keras_matrix.images.build import Builder, Say
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import catalog as catalogs
from keras_matrix.plan.images import BasePolicy
from keras_matrix.text import discard

DIGEST = f"sha256:{'a' * 64}"
CATALOG = f"""
schema = 1
[[image]]
name = "small"
folder = "small"
backend = "tensorflow"
python = "3.6.15"
base = {{ reference = "example.org/python", digest = "{DIGEST}" }}
expect = {{}}
"""


class Engine:
    """An engine that holds any base, and notes what it is to build."""

    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    files: Mapping[str, bytes]

    def __init__(self) -> None:
        self.images: dict[str, ImageInfo] = {}

    def image(self, reference: str) -> ImageInfo | None:
        if "@" in reference:
            return ImageInfo("sha256:base", {})
        return self.images.get(reference)

    def build(
        self,
        *,
        context: IO[bytes],
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        **_: object,
    ) -> None:
        self.arguments, self.labels = arguments, labels
        with tarfile.open(fileobj=context) as tar:
            opened = {name: tar.extractfile(name) for name in tar.getnames()}
            self.files = {name: file.read() for name, file in opened.items() if file is not None}
        self.images[tag] = ImageInfo(f"sha256:{len(self.images)}", labels)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "catalog"
    (folder / "small").mkdir(parents=True)
    (folder / "small" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (folder / "images.toml").write_text(CATALOG)
    return folder


def build(root: Path) -> Engine:
    engine = Engine()
    images = catalogs.load(root)
    builder = Builder(
        engine=engine,  # type: ignore[arg-type] # as far as a build needs one
        catalog=images,
        policy=BasePolicy.HUB,
        interrupts=Interrupts(),
        say=Say(step=discard, line=discard),
    )
    builder.build(images.get("small"))
    return engine


def repository(folder: Path) -> str:
    """Make a repository with one commit, and return the commit."""
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", folder.name], check=True)
    shown = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return shown.stdout.strip()


def test_the_revision_is_the_catalogs_commit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a hook, where GIT_DIR names another repository."""
    other = tmp_path / "other"
    other.mkdir()
    repository(other)
    commit = repository(root)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert build(root).arguments["REVISION"] == commit


def test_without_a_repository_the_revision_is_the_version(root: Path) -> None:
    assert build(root).arguments["REVISION"] == keras_matrix.__version__


def test_shared_files_are_part_of_the_context(root: Path) -> None:
    (root / "install.sh").write_text("true")
    (root / "unused.sh").write_text("false")
    (root / "images.toml").write_text(CATALOG.replace("expect", 'shared = ["install.sh"]\nexpect'))
    engine = build(root)
    assert engine.files.keys() == {"Dockerfile", "install.sh"}
    assert engine.files["install.sh"] == b"true"


def test_labels_say_what_the_catalog_says_and_what_was_built(root: Path) -> None:
    (root / "images.toml").write_text(
        CATALOG.replace("expect = {}", 'expect = { keras = "2.3.1", tensorflow = "1.14.0" }')
    )
    labels = dict(build(root).labels)
    assert len(labels.pop("io.keras-matrix.key")) == 16
    assert labels == {
        "io.keras-matrix.backend": "tensorflow",
        "io.keras-matrix.backend-version": "1.14.0",
        "io.keras-matrix.base": "hub",
        "io.keras-matrix.base-digest": DIGEST,
        "io.keras-matrix.keras": "2.3.1",
        "io.keras-matrix.python": "3.6.15",
        "org.opencontainers.image.base.digest": DIGEST,
        "org.opencontainers.image.base.name": f"example.org/python@{DIGEST}",
        "org.opencontainers.image.revision": keras_matrix.__version__,
        "org.opencontainers.image.title": "keras-matrix small",
        "org.opencontainers.image.version": keras_matrix.__version__,
    }
