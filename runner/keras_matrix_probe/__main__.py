"""``python -m keras_matrix_probe serve --output DIR --workspace DIR SCRIPT -- ARGUMENTS``."""

import argparse
import json
import os
import resource
import shutil
import sys
import time
from typing import Any, Dict, List, Optional

from . import PROTOCOL, environment, failures, script, seeding, suite, workspace
from .arrays import ArrayStore
from .events import EventStream, plain
from .keras2 import data_sets, masks, paired
from .keras2.caps import Caps
from .keras2.hooks import Recorder
from .keras2.trace.tracer import Tracer
from .process.compiled import (
    FROM_CELLS,
    FROM_IMAGE,
    CompileClock,
    Compiled,
    make_theano_find_its_modules,
    read_theano_index,
)
from .process.serve import Server, leave


def main(argv: List[str]) -> int:
    """Run one of the probe's commands; return the process's exit status."""
    parser = argparse.ArgumentParser(prog="keras_matrix_probe")
    commands = parser.add_subparsers(dest="command")
    served = commands.add_parser("serve", help="run a script once for each request")
    served.add_argument("--output", required=True, help="folder with a folder for each request")
    served.add_argument("--workspace", required=True, help="folder to run the script in")
    served.add_argument("--compiled", default="", help="folder where the backend compiles code")
    served.add_argument("--paired", action="store_true", help="draw weights from NumPy")
    served.add_argument("--epochs-cap", type=int, default=None)
    served.add_argument("--steps-cap", type=int, default=None)
    served.add_argument("--trace", default=None, help="folder of what a trace is asked for")
    served.add_argument("--converted", default=None, help="what a notebook was converted to")
    served.add_argument("--suite", default=None, help="tests beside the script to run instead")
    served.add_argument("script", help="the script's path")
    served.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("packages", help="print the installed versions as JSON")
    chosen = parser.parse_args(argv)
    if chosen.command == "packages":
        found = environment.installed_packages()
        print(json.dumps({"python": sys.version.split()[0], "packages": found}))
        return 0
    return serve(chosen)


def serve(chosen: argparse.Namespace) -> int:
    """Import Keras, then run the script in a process of its own for each request."""
    _forget_probe_path()
    _make_home()
    store = Compiled(chosen.compiled) if chosen.compiled else None
    if store is not None:
        store.restore(FROM_IMAGE)
    loaded = Loaded()
    clock = CompileClock()
    if loaded.keras is not None:
        make_theano_find_its_modules()
        read_theano_index()
        clock.install()
    if store is not None:
        store.restore(FROM_CELLS)

    def ended(folder: str, exit_code: int) -> None:
        if store is not None and exit_code == 0:
            store.hand_back(os.path.join(folder, "compiled"))

    scratch = os.path.dirname(chosen.workspace)
    server = Server(chosen.output, scratch, chosen.compiled, loaded.facts)
    for request in server.replicates(ended):
        leave(replicate(chosen, request, loaded, clock))
    return 0


class Loaded:
    """Keras as it was imported, or what went wrong; ``facts`` are those of the environment event.

    They are taken before any script runs: none can say that it ran on something else.
    """

    def __init__(self) -> None:
        self.keras: Any = None
        self.failure: Dict[str, Any] = {}
        started = time.perf_counter()
        try:
            self.keras = _import_keras()
        except Exception as failure:  # whatever an import raises is each cell's result
            self.failure = _import_failure(failure)
        seconds = time.perf_counter() - started
        self.facts: Optional[Dict[str, Any]] = None
        if self.keras is not None:
            self.facts = plain(environment.describe(self.keras, seconds))


def replicate(
    chosen: argparse.Namespace, request: Dict[str, Any], loaded: Loaded, clock: CompileClock
) -> int:
    """Run the script once; the stream's ``end`` tells how it went, the exit code echoes it."""
    stream = EventStream(request["folder"])
    stream.emit("start", protocol=PROTOCOL)
    keras = loaded.keras
    if loaded.facts is None:
        script.write(loaded.failure["error"]["traceback"])
        stream.emit("end", **loaded.failure)
        return 1
    _make_home()
    folder = os.path.dirname(chosen.script)
    if chosen.suite:
        workspace.mirror(folder, chosen.workspace, suite.is_aside)
    else:
        workspace.mirror(folder, chosen.workspace)
    if chosen.converted:
        shutil.copy(chosen.converted, chosen.workspace)
    arguments = chosen.arguments[1:] if chosen.arguments[:1] == ["--"] else chosen.arguments

    stream.emit("environment", **loaded.facts)
    read_theano_index()
    started = time.perf_counter()
    cpu = time.process_time()
    run = _run_suite if chosen.suite else _run_script
    outcome = run(chosen, request, arguments, keras, stream, clock)
    outcome.update(
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        peak_memory=_peak_memory(),
        keras_backend_variable=os.environ.get("KERAS_BACKEND"),
    )
    script.flush()
    stream.emit("end", **outcome)
    return int(outcome["exit_code"])


def _run_suite(
    chosen: argparse.Namespace,
    request: Dict[str, Any],
    arguments: List[str],
    keras: Any,
    stream: EventStream,
    clock: CompileClock,
) -> Dict[str, Any]:
    """Run tests; Keras is as it is, since tests may look at any part of it."""
    if os.path.isdir(data_sets.MOUNT):
        _install_data_sets(chosen, keras, stream)
    if request["seed"] is not None:
        seeding.seed_all(keras, request["seed"])
    return suite.run(chosen.workspace, chosen.suite, arguments, stream)


def _run_script(
    chosen: argparse.Namespace,
    request: Dict[str, Any],
    arguments: List[str],
    keras: Any,
    stream: EventStream,
    clock: CompileClock,
) -> Dict[str, Any]:
    """Run the script, and record what its models do."""
    path = os.path.join(chosen.workspace, os.path.basename(chosen.converted or chosen.script))
    caps = Caps(chosen.epochs_cap, chosen.steps_cap)
    recorder = Recorder(stream, ArrayStore(request["folder"]), chosen.workspace, caps, clock)
    _install_data_sets(chosen, keras, stream)
    tracer = None
    if chosen.trace:
        tracer = Tracer(keras, chosen.trace, request["folder"], request["repeat"])
        tracer.install()
    seed = request["seed"]
    if seed is not None:
        seeding.seed_all(keras, seed)
    pairing = paired.install(keras, seed or 0) if chosen.paired else None
    # Last, around all else.
    recorder.install(keras)

    outcome = script.run(path, arguments, str(keras.backend.backend()))
    recorder.finish()
    if tracer is not None:
        tracer.finish()
    if pairing is not None:
        if pairing.not_paired:
            names = ", ".join(pairing.not_paired)
            stream.emit("note", text="Weights that are not paired: %s." % names[:2000])
        drawing = masks.drawing(keras.layers, recorder.trained)
        if drawing:
            stream.emit("note", text=masks.note(drawing))
    return outcome


def _install_data_sets(chosen: argparse.Namespace, keras: Any, stream: EventStream) -> None:
    scratch = os.path.dirname(chosen.workspace)
    data_sets.install(keras, scratch, lambda text: stream.emit("note", text=text))


def _make_home() -> None:
    for folder in (os.environ.get("HOME"), os.environ.get("TMPDIR")):
        if folder:
            os.makedirs(folder, exist_ok=True)


def _peak_memory() -> int:
    # Linux tells it in kibibytes (getrusage(2)).
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _import_keras() -> Any:
    import keras
    import keras.backend
    import keras.callbacks
    import keras.datasets
    import keras.models
    import keras.utils

    return keras


def _import_failure(failure: Exception) -> Dict[str, Any]:
    import traceback

    text = traceback.format_exc()
    return {
        "status": "import",
        "exit_code": 1,
        "error": {
            "kind": type(failure).__name__,
            "message": "import keras failed: %s" % failure,
            "traceback": text[-failures.MAX_TRACEBACK :],
            "file": None,
            "line": None,
        },
        "seconds": 0.0,
        "cpu_seconds": time.process_time(),
        "peak_memory": _peak_memory(),
        "keras_backend_variable": None,
    }


def _forget_probe_path() -> None:
    """Take the probe's folder off the paths: the script must not see a package it did not bring."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if entry not in ("", here, os.getcwd())]
    os.environ.pop("PYTHONPATH", None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
