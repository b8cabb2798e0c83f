"""Docker and Podman of today do all that the first engine does: a row of docs/reference/engines.md.

pytest tests/engines/test_today.py
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from keras_matrix.engine.facts import EngineFacts, Kind, StoreKind, parse
from keras_matrix.images import archive
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from tests.engines import foreign
from tests.engines.conftest import Done, call, command, environment, facts_of
from tests.engines.own import OwnEngine
from tests.integration.tables import Report

SCRIPTS = Path(__file__).parent / "scripts"
SHARED_SCRIPTS = Path(__file__).parents[1] / "integration" / "scripts"
RECIPE = "ARG BASE\nFROM ${BASE}\nCOPY note.txt /note.txt\nRUN test -e /note.txt\n"
EARLIER = "a figure of another run"
STOP_SECONDS = 30.0
SMALL = """
schema = 1
[[image]]
name = "small"
folder = "small"
backend = "tensorflow"
python = "3.6.15"
base = {{ reference = "{name}", digest = "{digest}" }}
expect = {{}}
"""


def run(results: Path, script: Path, *options: object, host: str = "") -> Done:
    seeds = ("--on", "tf", "--seeds", "0..1", "--jobs", "1")
    return call("run", script, *seeds, "--results", results, *options, host=host)


def newest(results: Path) -> RunFolder:
    folders = (path for path in results.iterdir() if (path / "manifest.json").exists())
    return RunFolder(max(folders, key=lambda path: path.stat().st_mtime))


def figures(records: tuple[Record, ...]) -> list[object]:
    return [[call.metrics for call in record.observation.calls] for record in records]


@dataclass(frozen=True)
class Reference:
    """A run on the machine's own engine: other engines come to its figures, or reuse them."""

    results: Path
    records: tuple[Record, ...]


@pytest.fixture(scope="session")
def reference(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    results = tmp_path_factory.mktemp("reference") / "results"
    done = run(results, SHARED_SCRIPTS / "tiny.py", "--runtime", "runc")
    assert done.returncode == 0, done.stdout + done.stderr
    return Reference(results, tuple(newest(results).records()))


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    with foreign.debian_root() as root:
        yield root


def lent(root: Path, image: Path, kind: foreign.Kind) -> Iterator[OwnEngine]:
    with foreign.running(root, kind) as own:
        loaded = call("images", "load", image, host=own.host)
        assert loaded.returncode == 0, loaded.stderr
        assert loaded.stdout.startswith("loaded keras-matrix/tf:")
        yield own
        assert own.containers() == []


@pytest.fixture(scope="session")
def docker_of_today(root: Path, image: Path) -> Iterator[OwnEngine]:
    yield from lent(root, image, foreign.DOCKER)


@pytest.fixture(scope="session")
def podman(root: Path, image: Path) -> Iterator[OwnEngine]:
    yield from lent(root, image, foreign.PODMAN)


@pytest.fixture(params=["docker_of_today", "podman"])
def own(request: pytest.FixtureRequest) -> OwnEngine:
    found: OwnEngine = request.getfixturevalue(request.param)
    return found


def facts(own: OwnEngine) -> EngineFacts:
    client = docker.DockerClient(own.host, version="auto")
    try:
        return parse(client.info(), client.version())
    finally:
        client.close()


class Checks:
    """What is measured on one engine: each method asserts, and returns what the table says."""

    def __init__(self, own: OwnEngine, folder: Path, reference: Reference) -> None:
        self.own = own
        self.folder = folder
        self.reference = reference

    def call(self, *arguments: object) -> Done:
        return call(*arguments, host=self.own.host)

    def builds(self) -> str:
        """Build on an image that is there, by its tag; a build that fails says why."""
        client = docker.DockerClient(self.own.host, version="auto")
        tags = [tag for image in client.images.list() for tag in image.tags]
        base = next(tag for tag in tags if "keras-matrix/tf:" in tag)
        catalog = self.folder / "catalog"
        (catalog / "small").mkdir(parents=True)
        recipe = catalog / "small" / "Dockerfile"
        recipe.write_text(RECIPE + "RUN echo told before; exit 5\n")
        (catalog / "small" / "note.txt").write_text("x")
        (catalog / "images.toml").write_text(
            SMALL.format(name="127.0.0.1:1/python", digest=f"sha256:{'0' * 64}")
        )
        # The catalog's own base is not to be had; only its name is needed.
        standin = self._standin_tag(catalog)
        client.images.get(base).tag(*standin.split(":"))
        try:
            failed = self.call("images", "build", "--catalog", catalog, "--base", "standin")
            assert failed.returncode == 6, failed.stderr
            assert "does not build" in failed.stderr
            assert "told before" in failed.stderr
            recipe.write_text(RECIPE)
            done = self.call("images", "build", "--catalog", catalog, "--base", "standin")
            assert done.returncode == 0, done.stderr
            built = done.stdout.split()[1]
            client.images.remove(built, force=True)
        finally:
            client.images.remove(standin)
            client.close()
        return "yes"

    @staticmethod
    def _standin_tag(catalog: Path) -> str:
        from keras_matrix.images.standin import standin_tag
        from keras_matrix.load import catalog as catalogs

        return standin_tag(catalogs.load(catalog).get("small"))

    def figures(self) -> tuple[str, str]:
        """Come to the first engine's figures, with the image known as the same."""
        results = self.folder / "figures"
        done = run(results, SHARED_SCRIPTS / "tiny.py", host=self.own.host)
        assert done.returncode == 0, done.stdout + done.stderr
        records = tuple(newest(results).records())
        assert figures(records) == figures(self.reference.records)
        ours, theirs = records[0].image, self.reference.records[0].image
        assert ours is not None
        assert theirs is not None
        assert ours.is_build(theirs)
        again = run(
            self.reference.results,
            SHARED_SCRIPTS / "tiny.py",
            *("--runtime", "runc"),
            host=self.own.host,
        )
        same = "yes" if ours.id == theirs.id else "yes, by another id"
        if records[0].runtime != "runc":
            assert again.returncode == 2
            assert "its default runtime only" in again.stderr
            return same, f"yes, with {records[0].runtime}"
        assert "2 cells reused" in again.stderr, again.stderr
        return same, "yes, and reused"

    def doctor(self) -> tuple[str, str, str]:
        """Read limits and confinement back from a container."""
        done = self.call("doctor", "--json")
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        limits = [name for name in checks if name.startswith("limit on ")]
        assert {checks[name]["found"] for name in limits} == {"supported"}
        assert checks["closed cell"]["ok"], checks["closed cell"]
        for name in checks["runtime"]["found"].replace(" (default)", "").split(", "):
            assert name in ("runc", "crun", "io.containerd.runc.v2"), "not installed"
        user = checks["user of cells"]["found"].partition(",")[0]
        return ", ".join(name.removeprefix("limit on ") for name in limits), "as doctor", user

    def closed(self) -> str:
        """No seed finds what another left, or reads results, or a fact of the host's networks."""
        source = self.folder / "closed"
        source.mkdir()
        shutil.copy(SCRIPTS / "looks_around.py", source)
        (source / "results" / "earlier").mkdir(parents=True)
        # More than the 4096 bytes that a file system in memory was bounded to, and less.
        for name, size in (("small", 1), ("large", 1000)):
            (source / "results" / "earlier" / name).write_text(EARLIER * size)
        done = run(source / "results", source / "looks_around.py", host=self.own.host)
        assert done.returncode in (0, 2, 3), done.stderr
        logs = sorted((newest(source / "results").path / "logs").iterdir())
        assert len(logs) == 2
        for log in logs:
            seen = facts_of(log.read_text())
            assert seen["found"] == []
            assert seen["hosts"] == ""
            assert seen["results"] in ([], [[[], []]])
            assert set(map(str, seen["writable"])) <= {"/dev", "/output", "/scratch"}  # type: ignore[call-overload]
        return (
            "no network, root read-only, scratch executable; nothing of host, results, other seeds"
        )

    def _sleeping(self) -> "subprocess.Popen[str]":
        results = self.folder / "sleeping"
        process = subprocess.Popen(
            command(
                *("run", SHARED_SCRIPTS / "sleeps.py", "--on", "tf", "--results", results),
                *("--jobs", "1", "--run", f"s{time.monotonic_ns()}"),
            ),
            env=environment(self.own.host),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if any(
                b"sleeping" in log.read_bytes() for log in results.glob("*/work/*/output/*/log")
            ):
                return process
            time.sleep(0.1)
        process.kill()
        raise AssertionError(f"the cell did not begin to sleep: {process.communicate()}")

    def killed(self) -> str:
        """End what does not end, and what two signals at once stop, within seconds."""
        results = self.folder / "timeout"
        done = run(
            results,
            SHARED_SCRIPTS / "sleeps.py",
            "--seeds",
            "1",
            "--timeout",
            "4",
            host=self.own.host,
        )
        assert done.returncode == 3, done.stderr
        (record,) = newest(results).records()
        assert record.outcome is Outcome.TIMEOUT
        assert record.timing.run < 4 + STOP_SECONDS / 4, "removal waits for the container to end"
        process = self._sleeping()
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        _, said = process.communicate(timeout=STOP_SECONDS)
        assert process.returncode in (130, 143)
        assert "nothing is left running" in said
        assert self.own.containers() == []
        return "by time-out and signals"

    def leftovers(self) -> str:
        """Remove what a runner that was killed has left."""
        process = self._sleeping()
        process.kill()
        process.communicate()
        (left,) = self.own.containers()
        done = run(
            self.folder / "after", SHARED_SCRIPTS / "exits.py", "--seeds", "1", host=self.own.host
        )
        assert f"removed a container left over from a run that was killed: {left}" in done.stderr
        assert self.own.containers() == []
        return "removed by the next run"

    def saved(self) -> str:
        """Find again what was saved here and loaded here."""
        file = self.folder / "saved.tar"
        for step in (("save", "tf", file), ("load", file), ("verify", "tf")):
            done = self.call("images", *step)
            assert done.returncode == 0, done.stdout + done.stderr
        (image,) = archive.read(file)
        known = self.reference.records[0].image
        assert known is not None
        assert image.content == known.content
        return "found, by each of these engines"


def test_an_engine_of_today(
    own: OwnEngine, reference: Reference, tmp_path: Path, report_row: Report
) -> None:
    checks = Checks(own, tmp_path, reference)
    found = facts(own)
    store = "containerd" if found.store is StoreKind.CONTAINERD else "its own"
    name = f"{found.kind.value} {found.version.partition('.')[0]}"
    if found.kind is Kind.DOCKER:
        name += f", API from {found.api[0]}"
    image, same_figures = checks.figures()
    limits, _, user = checks.doctor()
    row = (
        f"{name}, control groups v{found.control_groups}",
        store,
        checks.builds(),
        *(image, same_figures, limits, checks.closed(), user),
        *(checks.killed(), checks.leftovers(), checks.saved()),
    )
    report_row("engines", "Measured", *row)


def test_what_one_saves_another_finds(
    docker_of_today: OwnEngine, podman: OwnEngine, tmp_path: Path
) -> None:
    """Podman writes ``localhost/keras-matrix/tf``, which was loaded and then not found."""
    for source, target in ((podman, docker_of_today), (docker_of_today, podman)):
        file = tmp_path / "saved.tar"
        assert call("images", "save", "tf", file, host=source.host).returncode == 0
        listed = json.loads(call("images", "list", "--json", host=target.host).stdout)
        client = docker.DockerClient(target.host, version="auto")
        client.images.remove(listed["images"][0]["id"], force=True)
        client.close()
        loaded = call("images", "load", file, host=target.host)
        assert loaded.returncode == 0, loaded.stderr
        assert call("images", "verify", "tf", host=target.host).returncode == 0
