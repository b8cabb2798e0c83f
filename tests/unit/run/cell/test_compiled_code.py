"""Compiled code between cells: checked, bounded, never shared."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.records import locks
from keras_matrix.run.cell import compiled_code
from keras_matrix.run.cell.compiled_code import INDEX_FILE, CompiledFor, CompiledStore, RestoredCode

ABOUT = CompiledFor(
    image="theano", digest="sha256:1", cpu="a processor", script="a.py", script_sha256="2"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompiledStore:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return CompiledStore(tmp_path / "store")


def handed_back(folder: Path, **entries: bytes) -> Path:
    for name, content in entries.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "module.so").write_bytes(content)
        (folder / name / "key.pkl").write_bytes(b"key")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_kept_comes_back(store: CompiledStore, tmp_path: Path) -> None:
    assert not store.has(ABOUT)
    source = handed_back(tmp_path / "cell", tmp1=b"one", tmp2=b"two")
    assert store.keep(ABOUT, source) == 2
    assert store.has(ABOUT)
    assert store.restore(ABOUT, tmp_path / "next") == RestoredCode(2)
    assert files(tmp_path / "next") == files(source)


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "sha256:2"},
        {"cpu": "another"},
        {"script_sha256": "3"},
        {"script": "b.py"},
        {"image": "x"},
        {"beside": "other"},
    ],
)
def test_nothing_is_shared(store: CompiledStore, tmp_path: Path, other: dict[str, str]) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"one"))
    changed = replace(ABOUT, **other)
    assert not store.has(changed)
    assert store.restore(changed, tmp_path / "next") == RestoredCode(0)


def test_what_a_later_cell_compiles_is_added(store: CompiledStore, tmp_path: Path) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"one", tmp2=b"two"))
    assert store.keep(ABOUT, handed_back(tmp_path / "second", tmp2=b"new", tmp3=b"three")) == 1
    store.restore(ABOUT, tmp_path / "next")
    found = files(tmp_path / "next")
    assert found["tmp2/module.so"] == b"new"
    assert {name.partition("/")[0] for name in found} == {"tmp1", "tmp2", "tmp3"}


@pytest.mark.parametrize("how", ["changed", "cut", "gone", "link", "fifo", "folder"])
def test_a_damaged_entry_is_left_out_and_dropped(
    store: CompiledStore, tmp_path: Path, how: str
) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"one", tmp2=b"two"))
    (module,) = (tmp_path / "store").glob("*/entries/tmp1/module.so")
    if how == "changed":
        module.write_bytes(b"eno")
    elif how == "cut":
        module.write_bytes(b"o")
    else:
        module.unlink()
    if how == "link":
        (tmp_path / "else").write_bytes(b"one")
        module.symlink_to(tmp_path / "else")
    elif how == "fifo":
        os.mkfifo(module)
    elif how == "folder":
        module.mkdir()
    found = store.restore(ABOUT, tmp_path / "next")
    assert found == RestoredCode(1, ("tmp1",))
    assert {name.partition("/")[0] for name in files(tmp_path / "next")} == {"tmp2"}
    store.keep(ABOUT, tmp_path / "nothing", found.damaged)
    assert store.restore(ABOUT, tmp_path / "last") == RestoredCode(1)


@pytest.mark.parametrize("index", [b"", b"junk", b"[" * 100_000, b'{"about": 1}', b"\xff"])
def test_a_damaged_index_is_nothing_kept(
    store: CompiledStore, tmp_path: Path, index: bytes
) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"one"))
    (tmp_path / "store" / ABOUT.key / INDEX_FILE).write_bytes(index)
    found = store.restore(ABOUT, tmp_path / "next")
    assert found == RestoredCode(0, (INDEX_FILE,))
    assert store.keep(ABOUT, handed_back(tmp_path / "second", tmp1=b"one"), found.damaged) == 1
    assert store.restore(ABOUT, tmp_path / "last") == RestoredCode(1)


def test_an_index_cannot_reach_outside(store: CompiledStore, tmp_path: Path) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"one"))
    (tmp_path / "secret").write_bytes(b"one")
    index = tmp_path / "store" / ABOUT.key / INDEX_FILE
    index.write_text(index.read_text().replace("module.so", "../../../../secret"))
    assert store.restore(ABOUT, tmp_path / "next").damaged == ("tmp1",)


def test_what_no_compiler_makes_is_not_kept(store: CompiledStore, tmp_path: Path) -> None:
    source = handed_back(tmp_path / "cell", tmp1=b"one")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"secret")
    (source / "linked").symlink_to(tmp_path / "secret")
    (source / "file").write_bytes(b"file")
    (source / "empty").mkdir()
    for name in ("link", "fifo", "deep"):
        (source / name).mkdir()
    (source / "link" / "module.so").symlink_to(tmp_path / "secret" / "key")
    os.mkfifo(source / "fifo" / "module.so")
    (source / "deep" / "module.so").mkdir()
    (source / "many").mkdir()
    for number in range(compiled_code.MAX_ENTRY_FILES + 1):
        (source / "many" / str(number)).write_bytes(b"")
    assert store.keep(ABOUT, source) == 1
    store.restore(ABOUT, tmp_path / "next")
    assert {path.name for path in (tmp_path / "next").iterdir()} == {"tmp1"}


def test_a_link_in_place_of_the_whole_is_not_followed(store: CompiledStore, tmp_path: Path) -> None:
    handed_back(tmp_path / "cell", tmp1=b"one")
    (tmp_path / "link").symlink_to(tmp_path / "cell")
    assert store.keep(ABOUT, tmp_path / "link") == 0


def test_a_key_is_bounded(
    store: CompiledStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_code, "MAX_KEY_BYTES", 13)
    source = handed_back(tmp_path / "cell", tmp1=b"1234", tmp2=b"1234")
    assert store.keep(ABOUT, source) == 1
    monkeypatch.setattr(compiled_code, "MAX_KEY_BYTES", 100)
    monkeypatch.setattr(compiled_code, "MAX_ENTRIES", 1)
    assert store.keep(ABOUT, source) == 0


def test_in_all_the_keys_not_used_for_longest_go(
    store: CompiledStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_code, "MAX_STORE_BYTES", 20)
    abouts = [replace(ABOUT, script_sha256=str(number)) for number in range(3)]
    for number, about in enumerate(abouts):
        store.keep(about, handed_back(tmp_path / f"cell{number}", tmp1=b"1234"))
        os.utime(tmp_path / "store" / about.key / INDEX_FILE, (number, number))
    store.keep(abouts[2], handed_back(tmp_path / "again", tmp1=b"1234"))
    assert [index.about.script_sha256 for _, index in store.kept()] == ["2", "1"]
    assert store.clear() == (2, 0)
    assert store.kept() == ()


def test_a_key_in_use_is_not_removed(
    store: CompiledStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_code, "MAX_CLEAR_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(compiled_code, "MAX_STORE_BYTES", 0)
    other = replace(ABOUT, script_sha256="other")
    for about in (other, ABOUT):
        store.keep(about, handed_back(tmp_path / about.key, tmp1=b"1234"))
    assert [index.about for _, index in store.kept()] == [ABOUT]
    monkeypatch.setattr(compiled_code, "MAX_STORE_BYTES", 100)
    store.keep(other, handed_back(tmp_path / "again", tmp1=b"1234"))
    checked = compiled_code._checked
    cleared = []

    def while_it_is_read(path: Path, digest: str) -> bytes:
        monkeypatch.setattr(compiled_code, "_checked", checked)
        cleared.append(store.clear())
        return checked(path, digest)

    monkeypatch.setattr(compiled_code, "_checked", while_it_is_read)
    assert store.restore(ABOUT, tmp_path / "next") == RestoredCode(1)
    assert cleared == [(1, 1)]
    assert [index.about for _, index in store.kept()] == [ABOUT]


def test_what_cannot_be_locked_is_read_all_the_same(
    store: CompiledStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep(ABOUT, handed_back(tmp_path / "cell", tmp1=b"1234"))
    monkeypatch.setattr(compiled_code, "MAX_WAIT_SECONDS", 0.0)
    with locks.held_within(0.0, tmp_path / "store" / ABOUT.key / compiled_code.LOCK_FILE):
        assert store.restore(ABOUT, tmp_path / "next") == RestoredCode(1)


def test_entries_are_read_one_at_a_time_and_bounded(
    store: CompiledStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_code, "MAX_ENTRY_BYTES", 10)
    source = handed_back(tmp_path / "cell", large=b"12345678", small=b"1234")
    assert store.keep(ABOUT, source) == 1
    store.restore(ABOUT, tmp_path / "next")
    assert [path.name for path in (tmp_path / "next").iterdir()] == ["small"]
