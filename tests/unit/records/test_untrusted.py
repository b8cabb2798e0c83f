"""Files that a cell wrote, or is writing: whatever it put there in their place."""

import os
from pathlib import Path

import pytest

from keras_matrix.records import untrusted
from keras_matrix.records.untrusted import Tail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cell"
    made.mkdir()
    return made


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_file_is_read_in_full_and_no_more(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_bytes(b"12345")
    assert untrusted.read(5, folder, "deep", "file") == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        untrusted.read(4, folder, "deep", "file")


def link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "elsewhere")


@pytest.mark.parametrize("make", [link, os.mkfifo, Path.mkdir])
def test_what_is_no_regular_file_is_not_opened(folder: Path, make: object) -> None:
    (folder.parent / "elsewhere").write_bytes(b"the host's\n")
    assert callable(make)
    make(folder / "file")
    with pytest.raises(OSError, match=r"not a regular file|Too many levels"):
        untrusted.open_regular(folder, "file")
    assert Tail(folder, "file").lines() == []


@pytest.mark.parametrize("step", ["cell", "deep"])
def test_no_step_on_the_way_may_be_a_link(tmp_path: Path, step: str) -> None:
    real = tmp_path / "real"
    (real / "deep").mkdir(parents=True)
    (real / "deep" / "file").write_bytes(b"the host's\n")
    folder = tmp_path / "cell"
    if step == "cell":
        folder.symlink_to(real)
    else:
        folder.mkdir()
        (folder / "deep").symlink_to(real / "deep")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        untrusted.open_regular(folder, "deep", "file")
    assert Tail(folder, "deep", "file").lines() == []


def test_nothing_stays_open(folder: Path) -> None:
    (folder / "file").write_bytes(b"one\n")
    tail = Tail(folder, "file")
    before = len(os.listdir("/proc/self/fd"))
    tail.lines()
    Tail(folder, "missing").lines()
    Tail(folder, "missing", "file").lines()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_line_comes_once_it_is_complete(folder: Path) -> None:
    tail = Tail(folder, "file")
    assert tail.lines() == []
    for content, lines in [
        (b"one\ntw", [b"one"]),
        (b"", []),
        (b"o", []),
        (b"\n\nthree\n", [b"two", b"", b"three"]),
    ]:
        add(folder / "file", content)
        assert tail.lines() == lines


def test_a_file_that_is_cut_short_or_replaced_is_read_from_its_start(folder: Path) -> None:
    path, tail = folder / "file", Tail(folder, "file")
    add(path, b"one\ntwo\nthr")
    assert tail.lines() == [b"one", b"two"]
    path.write_bytes(b"cut\n")
    assert tail.lines() == [b"cut"]
    (folder / "other").write_bytes(b"replaced\nwith more\n")
    (folder / "other").rename(path)
    assert tail.lines() == [b"replaced", b"with more"]
    path.unlink()
    assert tail.lines() == []


def test_a_giant_line_is_left_out_and_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted, "MAX_LINE_BYTES", 8)
    path, tail = folder / "file", Tail(folder, "file")
    add(path, b"one\n" + b"x" * 9)
    assert tail.lines() == [b"one"]
    add(path, b"x" * 9)
    assert tail.lines() == []
    assert tail._rest == b""
    add(path, b"its end\ntwo\n" + b"y" * 9 + b"\nthree\n")
    assert tail.lines() == [b"two", b"three"]


def test_so_much_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "MAX_READ_BYTES", 6)
    (folder / "file").write_bytes(b"one\ntwo\nthree\n")
    tail = Tail(folder, "file")
    assert [tail.lines() for _ in range(4)] == [[b"one"], [b"two"], [b"three"], []]
