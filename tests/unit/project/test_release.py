"""A release: its tag, version and changelog agree; the distributions hold what they have to."""

import importlib.util
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import keras_matrix
from tests import ROOT

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-01

### Fixed

- A fault.

## [0.1.0] - 2026-01-01

- The first.

[0.2.0]: https://example.org
"""


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".github" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    monkeypatch.setattr(module, "CHANGELOG", tmp_path / "CHANGELOG.md")
    return module


def test_the_version_is_read_without_an_import(release: ModuleType) -> None:
    assert release.version() == keras_matrix.__version__


def test_the_notes_are_the_section_of_the_changelog(release: ModuleType) -> None:
    assert release.notes("v0.2.0") == "### Fixed\n\n- A fault.\n"
    assert release.notes("v0.1.0") == "- The first.\n"


@pytest.mark.parametrize("tag", ["v0.3.0", "v0.2", "v0.2.0.1", "vUnreleased"])
def test_without_a_section_there_is_no_release(release: ModuleType, tag: str) -> None:
    with pytest.raises(SystemExit, match="rename \\[Unreleased\\]"):
        release.notes(tag)


def test_a_tag_of_another_version_is_refused(release: ModuleType) -> None:
    with pytest.raises(SystemExit, match="make them agree"):
        release.check("v99.0.0")


def test_the_changelog_is_written_for_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]\n" in text


def distributions(folder: Path, wheel: tuple[str, ...], sdist: tuple[str, ...]) -> Path:
    """Write a wheel and an sdist with files of those names."""
    with zipfile.ZipFile(folder / "a-1.whl", "w") as packed:
        for name in wheel:
            packed.writestr(name, "")
    with tarfile.open(folder / "a-1.tar.gz", "w:gz") as archive:
        for name in sdist:
            archive.addfile(tarfile.TarInfo(f"a-1/{name}"))
    return folder


def test_distributions_that_hold_all_are_good(release: ModuleType, tmp_path: Path) -> None:
    release.contents(distributions(tmp_path, release.IN_WHEEL, release.IN_SDIST))


def test_what_is_missing_in_them_is_named(release: ModuleType, tmp_path: Path) -> None:
    folder = distributions(tmp_path, release.IN_WHEEL[1:], release.IN_SDIST)
    with pytest.raises(SystemExit, match=r"Not in the distributions: keras_matrix/__init__\.py\."):
        release.contents(folder)
    (folder / "a-1.whl").unlink()
    with pytest.raises(SystemExit, match="holds 0 wheels and 1 sdists"):
        release.contents(folder)
