import os
import stat
from pathlib import Path

import pytest

from keras_matrix.engine.security import Security
from keras_matrix.engine.users import cell_user
from keras_matrix.run.cell import folders

USER = cell_user(Security(), (os.getuid(), os.getgid()))


def test_the_output_is_the_cells_own(tmp_path: Path) -> None:
    path = tmp_path / "work" / "output"
    folders.make_output(path, USER)
    status = path.stat()
    assert (status.st_uid, status.st_gid) == USER.outside
    assert stat.S_IMODE(status.st_mode) == 0o700
    (path / "file").write_text("")
    (path.parent / "next" / "deep").mkdir(parents=True)
    # Whatever was there before was left by others.
    folders.make_output(path.parent / "next", USER)
    assert [*path.parent.iterdir()] == [path.parent / "next"]
    assert [*(path.parent / "next").iterdir()] == []


def test_what_a_cell_wrote_is_the_callers_again(tmp_path: Path) -> None:
    path, target = tmp_path / "output" / "1", tmp_path / "collected" / "1"
    folders.make_output(path, USER)
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o600)
    (path / "arrays").mkdir()
    written = [path / "arrays", path / "arrays" / "file", path / "program"]
    for file in written[1:]:
        file.write_text("")
        file.chmod(0o4755)
    if os.getuid() == 0:
        for one in (*written, outside):
            os.lchown(one, *USER.outside)
    written[0].chmod(0)
    folders.claim(path, target)
    assert not path.exists()
    for one in (target, *(target / one.relative_to(path) for one in written)):
        status = one.lstat()
        assert status.st_uid == os.getuid()
        assert stat.S_IMODE(status.st_mode) == (0o700 if one.is_dir() else 0o644)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600


def test_what_a_cell_wrote_is_taken_also_if_the_runs_folder_was_removed_meanwhile(
    tmp_path: Path,
) -> None:
    path, target = tmp_path / "work" / "1", tmp_path / "removed" / "collected" / "1"
    folders.make_output(path, USER)
    folders.claim(path, target)
    assert target.is_dir()
    assert target.parent.stat().st_mode & 0o777 == 0o700


def test_of_what_a_cell_wrote_files_and_folders_are_left(tmp_path: Path) -> None:
    path, target = tmp_path / "output" / "1", tmp_path / "collected" / "1"
    folders.make_output(path, USER)
    (tmp_path / "outside").mkdir()
    (path / "compiled" / "entry" / "too" / "deep").mkdir(parents=True)
    (path / "compiled" / "entry" / "too" / "file").write_text("")
    (path / "compiled" / "entry" / "file").write_text("")
    (path / "link").symlink_to(tmp_path / "outside")
    (path / "compiled" / "link").symlink_to("/etc/passwd")
    os.mkfifo(path / "fifo")
    folders.claim(path, target)
    assert {str(one.relative_to(target)) for one in target.rglob("*")} == {
        "compiled",
        "compiled/entry",
        "compiled/entry/file",
    }


@pytest.mark.parametrize("how", ["gone", "link", "file"])
def test_a_folder_in_whose_place_is_something_else_is_empty(tmp_path: Path, how: str) -> None:
    path, target = tmp_path / "output" / "1", tmp_path / "collected" / "1"
    folders.make_output(path, USER)
    path.rmdir()
    if how == "link":
        path.symlink_to("/etc")
    elif how == "file":
        path.write_text("")
    path.parent.chmod(0)
    folders.claim(path, target)
    assert [*target.iterdir()] == []


def test_a_folder_too_deep_to_be_named_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "output" / "1"
    folders.make_output(path, USER)
    deep = os.open(path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 255, dir_fd=deep)
        above, deep = deep, os.open("x" * 255, os.O_RDONLY, dir_fd=deep)
        os.close(above)
    os.close(deep)
    folders.claim(path, tmp_path / "collected" / "1")
    folders.remove(tmp_path / "collected")
    assert not (tmp_path / "collected").exists()


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
