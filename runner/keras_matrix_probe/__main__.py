"""``python -m keras_matrix_probe run --output DIR [--seed N] SCRIPT -- ARGUMENTS``."""

import argparse
import json
import os
import resource
import shutil
import sys
import time
from typing import Any, Dict, List

from . import PROTOCOL, data_sets, environment, paired, script, seeding, workspace
from .arrays import ArrayStore
from .caps import Caps
from .events import EventStream


def main(argv: List[str]) -> int:
    """Run one of the probe's commands; return the process's exit status."""
    parser = argparse.ArgumentParser(prog="keras_matrix_probe")
    commands = parser.add_subparsers(dest="command")
    run_parser = commands.add_parser("run", help="run a script and write its event stream")
    run_parser.add_argument("--output", required=True, help="folder for the event stream")
    run_parser.add_argument("--workspace", required=True, help="folder to run the script in")
    run_parser.add_argument("--seed", type=int, default=None)
    run_parser.add_argument("--paired", action="store_true", help="draw weights from NumPy")
    run_parser.add_argument("--epochs-cap", type=int, default=None)
    run_parser.add_argument("--steps-cap", type=int, default=None)
    run_parser.add_argument("--converted", default=None, help="what a notebook was converted to")
    run_parser.add_argument("script", help="the script's path")
    run_parser.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("packages", help="print the installed versions as JSON")
    chosen = parser.parse_args(argv)
    if chosen.command == "packages":
        found = environment.installed_packages()
        print(json.dumps({"python": sys.version.split()[0], "packages": found}))
        return 0
    return run(chosen)


def run(chosen: argparse.Namespace) -> int:
    """Run one script; the event stream's ``end`` tells how it went, the exit code echoes it."""
    stream = EventStream(chosen.output)
    stream.emit("start", protocol=PROTOCOL)
    _forget_probe_path()
    for folder in (os.environ.get("HOME"), os.environ.get("TMPDIR")):
        if folder:
            os.makedirs(folder, exist_ok=True)
    workspace.mirror(os.path.dirname(chosen.script), chosen.workspace)
    if chosen.converted:
        shutil.copy(chosen.converted, chosen.workspace)
    path = os.path.join(chosen.workspace, os.path.basename(chosen.converted or chosen.script))
    arguments = chosen.arguments[1:] if chosen.arguments[:1] == ["--"] else chosen.arguments

    started = time.perf_counter()
    try:
        keras = _import_keras()
    except Exception as failure:  # whatever an import raises is this cell's result
        stream.emit("end", **_import_failure(failure))
        return 1
    stream.emit("environment", **environment.describe(keras, time.perf_counter() - started))
    recorder = _install_hooks(keras, stream, chosen)
    scratch = os.path.dirname(chosen.workspace)
    data_sets.install(keras, scratch, lambda text: stream.emit("note", text=text))
    if chosen.seed is not None:
        seeding.seed_all(keras, chosen.seed)
    pairing = paired.install(keras, chosen.seed or 0) if chosen.paired else None

    started = time.perf_counter()
    cpu = time.process_time()
    outcome = script.run(path, arguments, str(keras.backend.backend()))
    recorder.finish()
    if pairing is not None and pairing.not_paired:
        names = ", ".join(pairing.not_paired)
        stream.emit("note", text="Weights that are not paired: %s." % names[:2000])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    outcome.update(
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        # Linux tells it in kibibytes (getrusage(2)).
        peak_memory=usage.ru_maxrss * 1024,
        keras_backend_variable=os.environ.get("KERAS_BACKEND"),
    )
    sys.stdout.flush()
    sys.stderr.flush()
    stream.emit("end", **outcome)
    return int(outcome["exit_code"])


def _import_keras() -> Any:
    import keras
    import keras.backend
    import keras.callbacks
    import keras.datasets
    import keras.models
    import keras.utils

    return keras


def _install_hooks(keras: Any, stream: EventStream, chosen: argparse.Namespace) -> Any:
    from .hooks import Recorder

    caps = Caps(chosen.epochs_cap, chosen.steps_cap)
    recorder = Recorder(stream, ArrayStore(chosen.output), chosen.workspace, caps)
    recorder.install(keras)
    return recorder


def _import_failure(failure: Exception) -> Dict[str, Any]:
    import traceback

    text = traceback.format_exc()
    sys.stderr.write(text)
    return {
        "status": "import",
        "exit_code": 1,
        "error": {
            "kind": type(failure).__name__,
            "message": "import keras failed: %s" % failure,
            "traceback": text[-script.MAX_TRACEBACK :],
            "file": None,
            "line": None,
        },
        "seconds": 0.0,
        "cpu_seconds": time.process_time(),
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "keras_backend_variable": None,
    }


def _forget_probe_path() -> None:
    """Take the probe's folder off the paths: the script must not see a package it did not bring."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if entry not in ("", here, os.getcwd())]
    os.environ.pop("PYTHONPATH", None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
