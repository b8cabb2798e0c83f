"""Wheels that a lock gives an address for are taken from this machine, if they are the same."""

import hashlib
from pathlib import Path

import pytest

from keras_matrix.images import wheels
from keras_matrix.images.contents import locked_hashes
from keras_matrix.images.verify import locked_versions

CONTENT = b"a wheel"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
ADDRESS = "https://example.org/whl/cpu/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl"
LOCK = f"""\
numpy==2.4.6 \\
    --hash=sha256:{"1" * 64}
torch @ {ADDRESS}#sha256={DIGEST} \\
    --hash=sha256:{DIGEST}
    # via -r requirements.in
typing-extensions==4.16.0 \\
    --hash=sha256:{"2" * 64}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("KERAS_MATRIX_WHEELS", f"/nowhere {tmp_path}")
    return tmp_path


def test_an_address_is_read_with_its_own_hashes() -> None:
    (wheel,) = wheels.addressed(LOCK)
    assert (wheel.address, wheel.file) == (ADDRESS, FILE)
    assert wheel.hashes == frozenset({DIGEST})


def test_a_file_of_the_same_hash_is_found(folder: Path) -> None:
    (folder / FILE).write_bytes(CONTENT)
    assert wheels.local(LOCK) == {FILE: folder / FILE}


def test_a_file_of_another_hash_is_passed_over(folder: Path) -> None:
    (folder / FILE).write_bytes(b"another wheel")
    assert wheels.local(LOCK) == {}


def test_the_folders_of_pip_are_searched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_MATRIX_WHEELS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", f"https://example.org/links {tmp_path}")
    (tmp_path / FILE).write_bytes(CONTENT)
    assert wheels.local(LOCK) == {FILE: tmp_path / FILE}


def test_a_lock_pins_the_version_in_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(LOCK)
    assert locked_versions(tmp_path)["torch"] == "2.13.0+cpu"
    assert locked_hashes(tmp_path)["torch"] == (DIGEST,)
