"""Cells on engines that close them off further: mapped users, other runtimes.

Not part of tox's default envs: each test starts an engine of its own. As root:

    pytest tests/engines

A runtime that is not installed is a failure here, too; leave it out with ``-k 'not crun'``.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.engines.conftest import Done, call, facts_of
from tests.engines.own import MAPPED, OwnEngine, engine

SCRIPTS = ROOT / "tests" / "integration" / "scripts"
RUNTIMES = ("crun", "runsc")


def lend(image: Path, *options: str) -> Iterator[OwnEngine]:
    with engine(*options) as own:
        done = call("images", "load", image, host=own.host)
        assert done.returncode == 0, done.stderr
        yield own
        assert own.containers() == []


def run(own: OwnEngine, results: Path, script: str, *options: object) -> tuple[Done, RunFolder]:
    arguments = ("run", SCRIPTS / script, "--on", "tf", "--seeds", "0..1", "--jobs", "1")
    done = call(*arguments, "--results", results, *options, host=own.host)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (path for path in results.iterdir() if path.is_dir())
    return done, RunFolder(folder)


@pytest.fixture(scope="module")
def mapping(image: Path) -> Iterator[OwnEngine]:
    yield from lend(image, "--userns-remap=daemon")


@pytest.fixture(scope="module")
def versatile(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    folder = tmp_path_factory.mktemp("runtimes")
    options = []
    for name in filter(shutil.which, RUNTIMES):
        # gVisor needs no network of its own, and its check for one fails on new kernels.
        more = "--network=none" if name == "runsc" else ""
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shutil.which(name)} {more} "$@"\n')
        program.chmod(0o755)
        options.append(f"--add-runtime={name}={program}")
    yield from lend(image, *options)


class TestMappedUsers:
    def test_cells_run_and_their_files_are_taken_back(
        self, mapping: OwnEngine, results: Path
    ) -> None:
        _, folder = run(mapping, results, "tiny.py")
        records = folder.records()
        assert [record.outcome for record in records] == [Outcome.OK, Outcome.OK]
        assert not folder.work.exists()
        assert {path.lstat().st_uid for path in results.rglob("*")} == {0}
        (host,) = folder.manifest().hosts
        assert f"user namespaces at {MAPPED}:{MAPPED}" in host.security

    def test_a_cell_is_as_closed_as_without(self, mapping: OwnEngine, results: Path) -> None:
        _, folder = run(mapping, results, "closed.py")
        (log, *_) = sorted((folder.path / "logs").iterdir())
        facts = facts_of(log.read_text())
        assert facts["uid"] == 10001
        assert (facts["capabilities"], facts["new_privileges"]) == (0, "1")

    def test_images_answer(self, mapping: OwnEngine) -> None:
        done = call("images", "verify", "tf", host=mapping.host)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_doctor_names_the_user(self, mapping: OwnEngine) -> None:
        found = {check["name"]: check["found"] for check in doctor(mapping)}
        assert (
            found["user of cells"] == f"10001:10001, on the host {MAPPED + 10001}:{MAPPED + 10001}"
        )


class TestRuntimes:
    @pytest.mark.parametrize("name", RUNTIMES)
    def test_cells_come_to_the_same_figures(
        self, versatile: OwnEngine, results: Path, name: str
    ) -> None:
        assert shutil.which(name), f"{name} is not installed"
        _, plain = run(versatile, results / "plain", "tiny.py")
        done, folder = run(versatile, results / name, "tiny.py", "--runtime", name)
        assert "reused" not in done.stderr
        records = folder.records()
        assert [record.outcome for record in records] == [Outcome.OK, Outcome.OK]
        assert {record.runtime for record in records} == {name}
        assert folder.manifest().plan.runtime == name
        for ours, theirs in zip(records, plain.records(), strict=True):
            metrics = [[call.metrics for call in one.observation.calls] for one in (ours, theirs)]
            assert metrics[0] == metrics[1]
            assert theirs.runtime == "runc"


def doctor(own: OwnEngine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(call("doctor", "--json", host=own.host).stdout)[
        "checks"
    ]
    return found
