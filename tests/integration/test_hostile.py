"""Scripts that attack: nothing gets through, other cells are untouched, the record says it."""

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from keras_matrix.engine.spec import RUN_LABEL
from keras_matrix.plan.cells import Cell
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from tests import ROOT
from tests.integration.conftest import SCRIPTS, Done, keras_matrix
from tests.integration.tables import Report

pytestmark = pytest.mark.usefixtures("images")

HOSTILE = SCRIPTS / "hostile"
FIGURES = 0.8175
"""The loss of the model that they train."""
OUT, ALL_OF_IT = "Get out", "Use everything up"
LIE, OTHERS, BEHIND = "Lie in the record", "Harm other cells", "Leave something behind"
SECRETS = (b"root:x:0:0", b"docker.sock")


Variables = Mapping[str, str]
NONE: Variables = {}


@dataclass(frozen=True)
class Ran:
    """What a run left; ``row`` reports one of its cells to the table."""

    done: Done
    run: RunFolder
    report: Report

    def record(self, seed: int | None = None, image: str = "tf") -> Record:
        found = self.run.record(Cell(image, seed=seed))
        assert found is not None, self.done.stderr
        return found

    def log(self, seed: int | None = None, image: str = "tf") -> str:
        path = self.run.log_path(Cell(image, seed=seed))
        return path.read_bytes().decode(errors="replace")

    def row(self, section: str, tries: str, seed: int | None = None, image: str = "tf") -> None:
        record = self.record(seed, image)
        says = re.sub(r" \([\w.]+, line \d+.*?\)", "", " ".join(record.reason.split()))
        self.report("hostile", section, tries, record.outcome.value, says)

    def is_untouched(self, seed: int | None = None, image: str = "tf") -> None:
        """Check that a cell trained as it would have alone."""
        record = self.record(seed, image)
        assert record.outcome is Outcome.OK, record.reason
        loss = record.observation.calls[0].metrics["loss"]
        assert float(loss) == pytest.approx(FIGURES, abs=1e-3)


class Runs:
    """Runs hostile scripts."""

    def __init__(self, results: Path, report: Report, client: docker.DockerClient) -> None:
        self.results = results
        self._report = report
        self._client = client

    def __call__(
        self, script: str, *options: object, folder: Path = HOSTILE, environment: Variables = NONE
    ) -> Ran:
        name = f"hostile-{uuid.uuid4().hex}"
        done = keras_matrix(
            *("run", folder / f"{script}.py", "--jobs", 1, "--fresh"),
            *("--results", self.results, "--run", name),
            *options,
            cwd=ROOT,
            **environment,
        )
        assert done.returncode in (0, 3, 7), done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        run = RunFolder(self.results / name)
        left = self._client.containers.list(all=True, filters={"label": f"{RUN_LABEL}={name}"})
        assert left == []
        assert not run.work.exists()
        for path in run.path.rglob("*"):
            # What lies in a run's folder is plain: nothing to follow, to wait for or to run.
            assert path.is_dir() or (path.is_file() and not path.is_symlink())
            assert path.is_dir() or path.stat().st_mode & 0o7111 == 0
            assert path.is_dir() or not any(one in path.read_bytes() for one in SECRETS)
        return Ran(done, run, self._report)


@pytest.fixture
def runs(
    results: Path, report_row: Report, client: docker.DockerClient, images: None
) -> Iterator[Runs]:
    before = {thread.name for thread in threading.enumerate()}
    yield Runs(results, report_row, client)
    assert {thread.name for thread in threading.enumerate()} <= before


class Listeners:
    """Sockets of the host that no cell may reach."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.name = f"keras-matrix-{uuid.uuid4().hex}"
        networks = client.networks.list(names=["bridge"])
        configs = [one for net in networks for one in net.attrs["IPAM"]["Config"] or ()]
        found = ["127.0.0.1", *(str(one["Gateway"]) for one in configs if "Gateway" in one)]
        self._opened: list[socket.socket] = []
        self.addresses: list[str] = []
        self.port = 0
        for address in found:
            # A bridge that the engine has not made has no address to listen at.
            with contextlib.suppress(OSError):
                self._listen(address)
                self.addresses.append(address)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(f"\0{self.name}")
        self._opened.append(unix)
        for one in self._opened:
            if one.type == socket.SOCK_STREAM:
                one.listen()
            one.setblocking(False)

    def _listen(self, address: str) -> None:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        self._opened += [tcp, udp]
        tcp.bind((address, self.port))
        self.port = tcp.getsockname()[1]
        udp.bind((address, self.port))

    def reached(self) -> list[str]:
        """Return what came."""
        found = []
        for one in self._opened:
            try:
                came = one.accept() if one.type == socket.SOCK_STREAM else one.recvfrom(1)
                found.append(repr(came))
            except BlockingIOError:
                continue
        return found

    def close(self) -> None:
        for one in self._opened:
            one.close()


@pytest.fixture
def listeners(client: docker.DockerClient) -> Iterator[Listeners]:
    opened = Listeners(client)
    yield opened
    opened.close()


def test_no_way_out(runs: Runs, listeners: Listeners, tmp_path: Path) -> None:
    # Results lie below the script's folder, with one that another cell has written.
    folder = tmp_path / "scripts"
    shutil.copytree(HOSTILE, folder)
    runs.results = folder / "results"
    (runs.results / "other").mkdir(parents=True)
    (runs.results / "other" / "secret").write_text("another's")
    where = (listeners.port, ",".join(listeners.addresses), listeners.name)
    ran = runs("out", "--on", "tf", "--", *where, folder=folder)
    assert listeners.reached() == []
    log = ran.log()
    assert "GOT" not in log
    tried = [int(line.split()[1]) for line in log.splitlines() if line.startswith("TRIED")]
    assert len(tried) == 3
    assert min(tried) > 10
    ran.is_untouched()
    environment = ran.record().observation.environment
    assert environment is not None
    confinement = environment.confinement
    assert confinement is not None
    assert (confinement.seccomp, confinement.no_new_privileges) == (2, True)
    assert (confinement.capabilities, confinement.interfaces) == (0, [])
    ran.row(OUT, "to reach the host, its engine or a network through sockets of all kinds")
    ran.row(OUT, "to read the host's files and other cells' output, and to write outside")
    ran.row(OUT, "to mount, make devices and namespaces, set the clock, trace, gain rights")


def test_fork_bomb(runs: Runs) -> None:
    ran = runs("fork_bomb", "--on", "tf", "--seeds", 2, "--pids", 40)
    assert "REFUSED Resource temporarily unavailable" in ran.log(0)
    ran.is_untouched(1)
    ran.row(ALL_OF_IT, "a fork bomb of processes that ignore signals", 0)


def test_memory_bomb(runs: Runs) -> None:
    limits = ("--memory", "512m", "--scratch", "200m")
    ran = runs("memory", "--on", "tf", "--seeds", 2, *limits)
    assert ran.log(0).count("FULL") == 2, "each file system in memory has a bound of its own"
    assert ran.record(0).outcome is Outcome.OUT_OF_MEMORY
    ran.is_untouched(1)
    ran.row(ALL_OF_IT, "all memory, shared memory and scratch space first", 0)


def test_disk_bomb(runs: Runs) -> None:
    ran = runs("disk", "--on", "tf", "--seeds", 2, "--timeout", 120)
    assert ran.record(0).outcome is Outcome.BAD_OUTPUT
    ran.is_untouched(1)
    ran.row(ALL_OF_IT, "the host's disk, by large files", 0)
    assert sum(path.stat().st_size for path in ran.run.path.rglob("*")) < 2**20


def test_disk_bomb_of_files_without_a_name(as_root: None, runs: Runs, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", place], check=True)
    try:
        runs.results = place / "results"
        ran = runs("disk", "--on", "tf", "--timeout", 120, "--", "nameless")
        assert ran.record().outcome is Outcome.KILLED
        assert shutil.disk_usage(place).free > 64 * 2**20, "it is all free again"
        ran.row(ALL_OF_IT, "the host's disk, by files that have no name")
    finally:
        # Lazily: a container that a failed test left may still have it.
        subprocess.run(["umount", "--lazy", place], check=True)


def test_endless_output(runs: Runs) -> None:
    ran = runs("output", "--on", "tf")
    assert ran.record().outcome is Outcome.SCRIPT_ERROR
    assert len(ran.run.log_path(Cell("tf")).read_bytes()) <= 17 * 2**20
    assert all(len(line) <= 400 for line in ran.record().log_tail)
    shown = keras_matrix("diff", ran.run.path)
    assert not re.search("[\x1b\x9b\x07\u202e]", ran.done.stdout + shown.stdout + shown.stderr)
    ran.row(ALL_OF_IT, "output without end, in lines of any length")


def test_no_end(runs: Runs) -> None:
    ran = runs("hangs", "--on", "tf", "--timeout", 5)
    assert ran.record().outcome is Outcome.TIMEOUT
    ran.row(ALL_OF_IT, "not to end: signals ignored, a thread and an exit handler that sleep")


FORMATS = ("html", "markdown", "json", "csv", "junit", "github")


def test_names_that_are_markup(runs: Runs, tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in FORMATS}
    reports = [part for name, path in files.items() for part in ("--report", f"{name}={path}")]
    ran = runs("names", "--on", "tf", "--seeds", 2, *reports)
    assert ran.record(0).outcome is Outcome.OK
    assert ran.record(1).outcome is Outcome.SCRIPT_ERROR
    assert "<script>" in ran.record(0).observation.models[0].name
    texts = {name: path.read_bytes().decode() for name, path in files.items()}
    texts["table"] = ran.done.stdout + ran.done.stderr
    shown = keras_matrix("diff", ran.run.path)
    texts["diff"] = shown.stdout + shown.stderr
    for name, text in texts.items():
        assert "evil" in text, name
        assert not re.search("[\x00\x07\x1b\x9b\u202e\u2066]", text), name
    for name in ("table", "diff", "github"):
        # What a CI system reads as it comes.
        assert not re.search("^::error file=x", texts[name], re.MULTILINE), name
    assert "<script>alert" not in texts["html"]
    assert "<img src=x" not in texts["html"]
    assert "<script>alert" not in texts["markdown"]
    assert not re.search('(^|,|")=HYPERLINK', texts["csv"], re.MULTILINE)
    assert all(line.startswith("::") for line in texts["github"].splitlines())
    ran.row(LIE, "names with markup, control sequences and commands for models and metrics", 0)
    ran.row(LIE, "the same for an exception and its text", 1)


FORGERIES = (
    ("figures that it has not computed, and an end, before the probe tells its own", Outcome.OK),
    ("to forge the report of its end and go on", Outcome.BAD_OUTPUT),
    ("to forge the backend's name, in Keras and in what the probe has told", Outcome.BAD_OUTPUT),
    ("an event stream of any size, by a file with holes", Outcome.BAD_OUTPUT),
    ("links to the host's files and pipes in the place of the probe's", Outcome.BAD_OUTPUT),
    ("to close its output folder, a folder in the place of the report", Outcome.BAD_OUTPUT),
)


def test_forged_files_of_the_probe(runs: Runs) -> None:
    ran = runs("forges", "--on", "tf", "--seeds", len(FORGERIES), "--timeout", 60)
    for seed, (tries, outcome) in enumerate(FORGERIES):
        record = ran.record(seed)
        assert record.outcome is outcome, (tries, record.reason)
        if record.observation.environment is not None:
            assert record.observation.environment.backend == "tensorflow"
        ran.row(LIE, tries, seed)


def test_arrays_that_are_none(runs: Runs) -> None:
    ran = runs("bombs", "--on", "tf")
    assert ran.record().outcome is Outcome.OK
    kept = list(ran.run.path.rglob("*.npz"))
    assert sum(path.stat().st_size for path in kept) < 2**26
    # Here they are opened.
    compared = keras_matrix("diff", ran.run.path, ran.run.path, "--format", "json")
    assert compared.returncode in (0, 1), compared.stderr
    assert "Traceback" not in compared.stderr
    assert not Path("/tmp/keras-matrix-was-here").exists()
    ran.row(LIE, "arrays that are pickles or bombs, claim any size, lead out, or are links")


def test_signals_to_the_server(runs: Runs) -> None:
    ran = runs("server", "--on", "tf", "--seeds", 2)
    assert "GOT" not in ran.log(0)
    assert "TRIED 6" in ran.log(0)
    ran.is_untouched(0)
    ran.is_untouched(1)
    ran.row(OTHERS, "every signal to the probe's server; its input, output and requests", 0)


def test_limits_of_the_server(runs: Runs) -> None:
    ran = runs("limits", "--on", "tf", "--seeds", 2)
    assert ran.record(0).outcome is Outcome.BAD_OUTPUT
    ran.is_untouched(1)
    ran.row(
        OTHERS, "limits, priority and scheduler of the process that the next are forked from", 0
    )


def test_planted_code(runs: Runs, tmp_path: Path) -> None:
    folder, cache = tmp_path / "scripts", {"KERAS_MATRIX_CACHE": str(tmp_path / "cache")}
    shutil.copytree(HOSTILE, folder)
    options = ("--on", "theano", "--seeds", 2)
    first = runs("plants", *options, folder=folder, environment=cache)
    assert list(tmp_path.glob("cache/compiled/*/entries/planted")) != [], "it was the script's own"
    with (folder / "attempts.py").open("a") as file:
        file.write("# Another version of a module beside the script.\n")
    second = runs("plants", *options, folder=folder, environment=cache)
    assert "FOUND []" in second.log(0, "theano")
    for ran in (first, second):
        for seed in (0, 1):
            ran.is_untouched(seed, "theano")
            # The process that replicates are forked from is the first of its container.
            assert "planted code ran: 0" not in ran.log(seed, "theano")
    assert "planted code ran" not in second.log(0, "theano").partition("PLANTED")[0]
    first.row(OTHERS, "code where Theano finds what other cells compiled", 0, "theano")


def test_nothing_stays(runs: Runs) -> None:
    ran = runs("stays", "--on", "tf", "--seeds", 2)
    for seed in (0, 1):
        assert "FOUND []\n" in ran.log(seed)
        ran.is_untouched(seed)
    ran.row(BEHIND, "daemons, shared memory, queues, files, sockets, settings", 0)


def test_a_cluttered_output_folder(runs: Runs) -> None:
    ran = runs("clutter", "--on", "tf")
    assert "GOT" not in ran.log()
    assert "TRIED 8" in ran.log()
    ran.is_untouched()
    ran.row(BEHIND, "links, pipes, holes, setuid programs, closed and deep folders in its output")
