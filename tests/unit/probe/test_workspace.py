import os
from pathlib import Path

import pytest

from keras_matrix_probe import workspace
from keras_matrix_probe.workspace import mirror


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "script"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "model.py").write_text("import data\n")
    (folder / "data" / "x.csv").write_text("1,2\n")
    (folder / "data" / "deep" / "y.csv").write_text("3,4\n")
    (folder / "link").symlink_to("data/x.csv")
    (folder / "loop").symlink_to(".")
    (folder / "dangling").symlink_to("nowhere")
    return folder


def test_everything_can_be_read_at_its_place(tmp_path: Path, source: Path) -> None:
    mirror(str(source), str(tmp_path / "work"))
    work = tmp_path / "work"
    assert sorted(os.listdir(work)) == sorted(os.listdir(source))
    for name in ("model.py", "data/x.csv", "data/deep/y.csv", "link", "loop/model.py"):
        assert (work / name).read_text() == (source / name).read_text()
    assert not (work / "dangling").exists()


def test_what_is_written_stays_out_of_the_source(tmp_path: Path, source: Path) -> None:
    work = tmp_path / "work"
    mirror(str(source), str(work))
    (work / "model.h5").write_text("weights")
    (work / "data" / "deep" / "cache").write_text("cache")
    (work / "model.py").unlink()
    assert (source / "model.py").exists()
    assert not (source / "model.h5").exists()
    assert not (source / "data" / "deep" / "cache").exists()


def test_an_original_that_is_overwritten_in_the_mirror_stays_as_it_was(
    tmp_path: Path, source: Path
) -> None:
    # Such as the weights that a script saved when it was run by hand.
    mirror(str(source), str(tmp_path / "work"))
    (tmp_path / "work" / "data" / "x.csv").write_text("new")
    assert (tmp_path / "work" / "data" / "x.csv").read_text() == "new"
    assert (source / "data" / "x.csv").read_text() == "1,2\n"


def test_an_empty_folder_is_mirrored_into_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "work").mkdir()
    mirror(str(tmp_path / "empty"), str(tmp_path / "work"))
    assert os.listdir(tmp_path / "work") == []


def test_a_huge_folder_is_readable_all_the_same(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "MAX_MIRRORED_ENTRIES", 1)
    mirror(str(source), str(tmp_path / "work"))
    assert (tmp_path / "work" / "data").is_symlink()
    assert (tmp_path / "work" / "data" / "deep" / "y.csv").read_text() == "3,4\n"


def test_a_program_stays_one(tmp_path: Path, source: Path) -> None:
    (source / "prepare.sh").write_text("#!/bin/sh\n")
    (source / "prepare.sh").chmod(0o755)
    mirror(str(source), str(tmp_path / "work"))
    assert os.access(tmp_path / "work" / "prepare.sh", os.X_OK)
    assert not os.access(tmp_path / "work" / "model.py", os.X_OK)


def test_folders_put_aside_become_links(tmp_path: Path, source: Path) -> None:
    mirror(str(source), str(tmp_path / "work"), lambda name: name == "deep")
    work = tmp_path / "work"
    assert not (work / "data").is_symlink()
    assert (work / "data" / "deep").is_symlink()
    assert (work / "data" / "deep" / "y.csv").read_text() == "3,4\n"
