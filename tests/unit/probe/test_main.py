"""The probe as a cell runs it: a process of its own, with a Keras of a few lines."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest

from keras_matrix.images.verify import Installed
from keras_matrix.load.shipped import PROBE_FOLDER
from keras_matrix.records.events import End
from keras_matrix.records.observation import Observation, parse
from keras_matrix_probe.process.pump import MAX_LOG_PART

FAKE_KERAS = {
    "__init__.py": "__version__ = '2.3.1'\n",
    "backend.py": (
        "def backend(): return 'fake'\n"
        "def floatx(): return 'float32'\n"
        "def epsilon(): return 1e-7\n"
        "def image_data_format(): return 'channels_last'\n"
    ),
    "callbacks.py": "class Callback:\n    pass\n",
    "models.py": (
        "class Model:\n"
        "    name = 'model_1'\n"
        "    metrics_names = ['loss']\n"
        "    def evaluate(self, x=None):\n"
        "        return float('nan')\n"
    ),
    "utils.py": "def get_file(fname, origin=None):\n    raise AssertionError\n",
    "datasets.py": "",
}


WORD = "what the report has to hold"


def request(fields: dict[str, object]) -> str:
    """Return what the probe reads for a replicate."""
    return f"{json.dumps(fields)}\n{WORD}\n"


class Cell:
    """A script's folder, a place to work and a Keras."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.script = root / "script" / "model.py"
        self.script.parent.mkdir()
        self.output = root / "output" / "1"
        self.output.mkdir(parents=True)
        self.keras = root / "site" / "keras"
        self.keras.mkdir(parents=True)
        for name, text in FAKE_KERAS.items():
            (self.keras / name).write_text(text)
        # As it is mounted: alone in its folder, which the probe takes off the script's paths.
        self.probe = root / "mounted"
        self.probe.mkdir()
        (self.probe / PROBE_FOLDER.name).symlink_to(PROBE_FOLDER)

    def start(self, *options: str, arguments: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        paths = (str(self.probe), str(self.keras.parent))
        kept = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "keras_matrix_probe", "serve"),
                *("--output", str(self.output.parent)),
                *("--workspace", str(self.root / "scratch" / "work")),
                *(*options, str(self.script), "--", *arguments),
            ],
            cwd=self.root,
            env={
                **kept,
                "PYTHONPATH": os.pathsep.join(paths),
                "HOME": str(self.root / "scratch" / "home"),
                "TMPDIR": str(self.root / "scratch" / "tmp"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        text: str,
        *options: str,
        seed: int | None = None,
        arguments: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Run a script; return its exit code and what it printed."""
        self.script.write_text(text)
        # A cell's scratch space and output are its own.
        shutil.rmtree(self.root / "scratch", ignore_errors=True)
        shutil.rmtree(self.output)
        self.output.mkdir()
        with self.start(*options, arguments=arguments) as process:
            assert process.stdin is not None
            process.stdin.write(request({"folder": self.output.name, "seed": seed}))
            process.stdin.flush()
            ended = self.output / "ended"
            while not ended.exists() and process.poll() is None:
                time.sleep(0.01)
            out, err = process.communicate(timeout=60)
        assert (out, err) == ("", "")
        if not ended.exists():
            return process.returncode, (self.output / "log").read_text()
        self.report = json.loads(ended.read_text())
        assert self.report["word"] == WORD
        code: int = self.report["exit_code"]
        return code, (self.output / "log").read_text()

    def observation(self, *, complete: bool = True) -> Observation:
        return parse((self.output / "events.jsonl").read_bytes(), complete=complete)

    def end(self) -> End:
        end = self.observation().end
        assert end is not None
        return end


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


def test_a_script_from_start_to_end(cell: Cell) -> None:
    (cell.script.parent / "data.csv").write_text("1,2\n")
    text = (
        "import os, sys, keras.models\n"
        "print(sys.argv[1:], open('data.csv').read().strip())\n"
        "open('model.h5', 'w').close()\n"
        "keras.models.Model().evaluate()\n"
        "os.environ['KERAS_BACKEND'] = 'cntk'\n"
    )
    code, out = cell.run(text, arguments=("--fast", "--", "x"))
    assert (code, out) == (0, "['--fast', '--', 'x'] 1,2\n")
    observation = cell.observation()
    assert observation.environment is not None
    assert (observation.environment.keras, observation.environment.backend) == ("2.3.1", "fake")
    assert observation.environment.variables.get("KERAS_BACKEND") is None
    (call,) = observation.calls
    assert (call.name, call.site, call.metrics) == ("evaluate", "model.py:4", {"loss": "nan"})
    end = cell.end()
    assert (end.status, end.exit_code, end.keras_backend_variable) == ("ok", 0, "cntk")
    assert end.peak_memory > 2**20
    # The script's own folder is as it was.
    assert sorted(path.name for path in cell.script.parent.iterdir()) == ["data.csv", "model.py"]


def test_a_script_does_not_see_the_probe(cell: Cell) -> None:
    text = (
        "import os, sys\n"
        "assert 'PYTHONPATH' not in os.environ\n"
        f"assert {str(cell.probe)!r} not in sys.path, sys.path\n"
    )
    cell.run(text)
    assert cell.end().error is None


def test_a_script_that_fails(cell: Cell) -> None:
    code, out = cell.run("print('so far')\nraise ValueError('no')\n")
    assert code == 1
    end = cell.end()
    assert end.error is not None
    assert (end.status, end.error.message, end.error.line) == ("error", "no", 2)
    assert out.startswith("so far\n")
    assert out.endswith("ValueError: no\n")
    assert 'File "model.py", line 2' in out


def test_the_exit_code_is_the_scripts(cell: Cell) -> None:
    assert cell.run("raise SystemExit(7)\n")[0] == 7
    assert (cell.end().status, cell.end().exit_code) == ("exit", 7)


def test_a_keras_that_cannot_be_imported(cell: Cell) -> None:
    (cell.keras / "models.py").write_text("import no_such_backend\n")
    code, _ = cell.run("print('never')\n")
    assert code == 1
    assert cell.observation().environment is None
    end = cell.end()
    assert end.error is not None
    assert end.status == "import"
    assert "no_such_backend" in end.error.message


def test_a_process_that_ends_at_once_leaves_its_events(cell: Cell) -> None:
    code, _ = cell.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    # The server ends as its replicate did, and the container with it.
    assert code == 128 + signal.SIGKILL
    assert not (cell.output / "ended").exists()
    observation = cell.observation(complete=False)
    assert observation.environment is not None
    assert observation.end is None


def test_a_seed_is_set_before_the_script_is_loaded(cell: Cell) -> None:
    text = "import random, numpy\nprint(random.random(), numpy.random.random())\n"
    first = cell.run(text, seed=7)[1]
    assert cell.run(text, seed=7)[1] == first
    assert cell.run(text, seed=8)[1] != first


def test_replicates_of_one_server_know_nothing_of_each_other(cell: Cell) -> None:
    (cell.keras / "__init__.py").write_text("import os\n__version__ = '2.3.1'\npid = os.getpid()\n")
    cell.script.write_text(
        "import os, sys, keras, numpy\n"
        "assert not hasattr(keras, 'touched')\n"
        "keras.touched = True\n"
        "assert sys.stdin.read() == ''\n"
        "print(numpy.random.random(), os.getpid() != keras.pid, os.getpgid(0) == os.getpid())\n"
    )
    outputs = [cell.output.parent / name for name in ("2", "3", "4")]
    with cell.start() as process:
        assert process.stdin is not None
        for output, seed in zip(outputs, (7, 8, 7), strict=True):
            output.mkdir()
            shutil.rmtree(cell.root / "scratch", ignore_errors=True)
            process.stdin.write(request({"folder": output.name, "seed": seed}))
            process.stdin.flush()
            while not (output / "ended").exists():
                assert process.poll() is None
                time.sleep(0.01)
        # It ends with its input: nothing is left when the runner is gone.
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    logs = [(output / "log").read_text() for output in outputs]
    assert logs[0] == logs[2] != logs[1]
    assert all(log.endswith(" True True\n") for log in logs)


def test_a_replicate_ends_with_the_runner(cell: Cell) -> None:
    cell.script.write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    with cell.start() as process:
        assert process.stdin is not None
        process.stdin.write(request({"folder": cell.output.name, "seed": None}))
        process.stdin.flush()
        log = cell.output / "log"
        while not (log.exists() and log.read_text().endswith("\n")):
            assert process.poll() is None
            time.sleep(0.01)
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert not (cell.output / "ended").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_a_script_ends_as_an_interpreter_ends(cell: Cell) -> None:
    text = (
        "import atexit, sys, threading, time\n"
        "def later():\n"
        "    time.sleep(0.2)\n"
        "    print('thread')\n"
        "threading.Thread(target=later).start()\n"
        "atexit.register(print, 'handler')\n"
        "sys.stdout.write('no newline')\n"
    )
    code, out = cell.run(text)
    assert code == 0
    assert out == "no newlinethread\nhandler\n"


@pytest.mark.parametrize("streams", ["sys.stdout.close()", "sys.stdout = sys.stderr = None"])
@pytest.mark.parametrize(("last", "status"), [("", "ok"), ("1 / 0\n", "error")])
def test_a_script_may_do_away_with_its_streams(
    cell: Cell, streams: str, last: str, status: str
) -> None:
    code, out = cell.run(f"import sys\nprint('so far')\n{streams}\n{last}")
    assert (code, cell.end().status) == (int(bool(last)), status)
    assert out.startswith("so far\n")


def test_of_a_long_output_the_end_is_kept(cell: Cell) -> None:
    text = "for i in range(200000):\n    print('%099d' % i)\n"
    cell.run(text)
    log = (cell.output / "log.before").read_bytes() + (cell.output / "log").read_bytes()
    assert MAX_LOG_PART <= len(log) <= 2 * MAX_LOG_PART
    assert log.endswith(b"%099d\n" % 199999)


def test_installed_versions_are_printed_as_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keras_matrix_probe", "packages"],
        env={**os.environ, "PYTHONPATH": str(PROBE_FOLDER.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    installed = Installed(**answer)
    assert installed.packages["numpy"] == numpy.__version__
    assert sys.version.startswith(installed.python)


def test_what_is_not_supported_is_the_cells_outcome_before_the_script_runs(cell: Cell) -> None:
    (cell.keras / "__init__.py").write_text("__version__ = '2.13.1'\n")
    code, log = cell.run("print('ran')\n", "--paired")
    end = cell.end()
    assert end.error is not None
    assert (code, log, end.status, end.error.kind) == (1, "", "unsupported", "Unsupported")
    assert "under Keras 2.2 and 2.3 only, and this is Keras 2.13.1" in end.error.message
