"""What the probe's server takes from replicates that attack it."""

import ctypes
import json
import os
import resource
from pathlib import Path

import pytest

from keras_matrix_probe import arrays
from keras_matrix_probe.arrays import ArrayStore
from keras_matrix_probe.backends import named
from keras_matrix_probe.contract import EndReport
from keras_matrix_probe.process import compiled, kernel, leftovers, pump, serve
from keras_matrix_probe.process.compiled import CompiledModules
from keras_matrix_probe.process.pump import Pump


@pytest.mark.parametrize("how", ["nothing", "file", "link", "fifo", "folder"])
@pytest.mark.parametrize("name", ["ended", "ended.part"])
def test_a_report_replaces_whatever_is_there(tmp_path: Path, how: str, name: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    folder = tmp_path / "output"
    folder.mkdir()
    if how == "file":
        (folder / name).write_text("forged")
    elif how == "link":
        (folder / name).symlink_to(outside)
    elif how == "fifo":
        os.mkfifo(folder / name)
    elif how == "folder":
        (folder / name / "deep").mkdir(parents=True)
    report = EndReport(exit_code=0, word="word", environment=None, changed=[])
    serve.write_report(str(folder / "ended"), report)
    assert json.loads((folder / "ended").read_text()) == report._asdict()
    assert outside.read_text() == "kept"


def test_a_log_is_written_whatever_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "MAX_LOG_PART", 2 * pump.READ_SIZE)
    reader, writer = os.pipe()
    outside = tmp_path / "outside"
    outside.write_text("kept")
    with Pump(reader, str(tmp_path)) as pumped:
        for name in ("log", "log.before"):
            (tmp_path / name).unlink()
            (tmp_path / name).symlink_to(outside)
        for _ in range(5):
            os.write(writer, b"x" * pump.READ_SIZE)
            pumped.copy_within(1.0)
        os.close(writer)
        pumped.copy_rest()
    assert outside.read_text() == "kept"


def test_what_is_already_there_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not ours")
    reader, writer = os.pipe()
    with pytest.raises(FileExistsError), Pump(reader, str(tmp_path)):
        pass
    os.close(reader)
    os.close(writer)


def test_limits_that_another_process_may_change_are_seen() -> None:
    before = kernel.attributes()
    pid = os.fork()
    if pid == 0:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
        os.nice(1)
        now = kernel.attributes()
        changed = {name for name in before if before[name] != now[name]}
        os._exit(0 if changed == {"limit NOFILE", "priority"} else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert kernel.attributes() == before


def test_shared_memory_is_removed(tmp_path: Path) -> None:
    libc = ctypes.CDLL(None)
    segment, semaphores = libc.shmget(0, 4096, 0o1600), libc.semget(0, 1, 0o1600)
    assert -1 not in (segment, semaphores)
    for kind, number in (("shm", segment), ("sem", semaphores)):
        (tmp_path / kind).write_text(f"       key      id perms\n         0 {number}  1600\n")
    kernel.remove_ipc(str(tmp_path))
    assert libc.shmctl(segment, 2, ctypes.create_string_buffer(512)) == -1
    assert libc.semctl(semaphores, 0, 12, 0) == -1


def test_a_deep_and_closed_folder_is_removed(tmp_path: Path) -> None:
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 255, dir_fd=deep)
        above, deep = deep, os.open("x" * 255, os.O_RDONLY, dir_fd=deep)
        os.close(above)
    os.fchmod(deep, 0)
    os.close(deep)
    leftovers.remove(str(tmp_path / ("x" * 255)))
    assert list(tmp_path.iterdir()) == []


def test_so_many_arrays_are_kept_and_no_larger_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAX_ARRAY_FILES", 2)
    monkeypatch.setattr(arrays, "MAX_ARRAY_ELEMENTS", 3)
    store = ArrayStore(str(tmp_path))
    values = ([1.0], [1.0] * 4, [2.0], [3.0])
    kept = [store.save("predict", [value])[0]["file"] is not None for value in values]
    assert kept == [True, False, True, False]


def test_of_what_was_compiled_only_files_are_handed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "MAX_HANDED_BACK_BYTES", 2**20)
    folder, image = tmp_path / "theano", tmp_path / "image"
    (image / "tmp0").mkdir(parents=True)
    (image / "tmp0" / "mod.so").write_bytes(b"module")
    store = CompiledModules(str(folder))
    store.restore(str(image))
    store.restore(str(tmp_path / "nothing"))
    for name in ("tmp1", "many", "closed", "lock_dir"):
        (folder / name).mkdir()
        (folder / name / "mod.so").write_bytes(b"module")
    (folder / "tmp1" / "mod.cpp").write_bytes(b"source")
    (folder / "tmp1" / "link").symlink_to("/etc/passwd")
    (folder / "tmp1" / "deep").mkdir()
    os.mkfifo(folder / "tmp1" / "fifo")
    (folder / "closed").chmod(0)
    for number in range(compiled.MAX_MODULE_FILES):
        (folder / "many" / str(number)).write_bytes(b"")
    (folder / "zzz").mkdir()
    with (folder / "zzz" / "mod.so").open("wb") as file:
        file.truncate(2**30)
    (folder / "link").symlink_to("/etc")
    store.hand_back(str(tmp_path / "back"), named("theano"))
    files = {str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*.*")}
    assert files == {"tmp1/mod.so", "closed/mod.so"}
