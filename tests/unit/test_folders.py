import os
import stat
from pathlib import Path

import pytest

from runner.cell import folders


def test_a_cell_never_runs_as_root() -> None:
    uid, gid = folders.cell_user()
    assert uid != 0
    assert gid != 0
    if os.getuid() != 0:
        assert (uid, gid) == (os.getuid(), os.getgid())


def test_the_output_is_the_cells_own(tmp_path: Path) -> None:
    path = tmp_path / "work" / "output"
    folders.make_output(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid) == folders.cell_user()
    assert stat.S_IMODE(status.st_mode) == 0o700
    with pytest.raises(FileExistsError):
        folders.make_output(path)


def test_what_a_cell_wrote_is_the_callers_again(tmp_path: Path) -> None:
    path = tmp_path / "output"
    folders.make_output(path)
    outside = tmp_path / "outside"
    outside.write_text("")
    (path / "deep").mkdir()
    (path / "deep" / "file").write_text("")
    (path / "link").symlink_to(outside)
    if os.getuid() == 0:
        for written in (path / "deep", path / "deep" / "file", path / "link", outside):
            os.lchown(written, *folders.cell_user())
    folders.take_back(path)
    for written in (path, path / "deep", path / "deep" / "file", path / "link"):
        assert written.lstat().st_uid == os.getuid()
    if os.getuid() == 0:
        assert outside.stat().st_uid == folders.CELL_UID


def test_a_folder_is_removed_whatever_permissions_it_has(tmp_path: Path) -> None:
    path = tmp_path / "work"
    (path / "a" / "b").mkdir(parents=True)
    (path / "a" / "b" / "file").write_text("")
    for inner in (path / "a" / "b", path / "a", path):
        inner.chmod(0)
    folders.remove(path)
    assert not path.exists()


def test_removing_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(outside)
    (tmp_path / "other").symlink_to(outside)
    folders.remove(tmp_path / "work")
    folders.remove(tmp_path / "other")
    folders.remove(tmp_path / "missing")
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500
    assert not (tmp_path / "work").exists()


@pytest.fixture
def script_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "results" / "old").mkdir(parents=True)
    (folder / "model.py").write_text("import keras\n")
    (folder / "data" / "x.csv").write_text("1,2\n")
    (folder / "results" / "old" / "record.json").write_text("{}")
    (folder / "link").symlink_to("data/x.csv")
    (folder / "dangling").symlink_to("nowhere")
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_a_folder_open_to_all_is_used_as_it_is(tmp_path: Path, script_folder: Path) -> None:
    staging = tmp_path / "staging"
    found = folders.readable(script_folder, staging, hidden=script_folder / "results")
    assert found == script_folder
    assert not staging.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root's cells run as another user")
@pytest.mark.parametrize("closed", [".", "model.py", "data"])
def test_what_root_keeps_to_itself_is_copied(
    tmp_path: Path, script_folder: Path, closed: str
) -> None:
    (script_folder / closed).chmod(0o700 if (script_folder / closed).is_dir() else 0o600)
    os.mkfifo(script_folder / "fifo")
    staging = tmp_path / "staging"
    found = folders.readable(script_folder, staging, hidden=script_folder / "results")
    assert found == staging
    assert (staging / "model.py").read_text() == "import keras\n"
    assert (staging / "link").read_text() == "1,2\n"
    assert (staging / "dangling").is_symlink()
    assert not (staging / "fifo").exists()
    assert not (staging / "results").exists()
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o004
