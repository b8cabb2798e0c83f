"""``python -m keras_matrix_probe serve --output DIR --workspace DIR SCRIPT -- ARGUMENTS``."""

import argparse
import json
import os
import resource
import shutil
import sys
import time
from typing import Any, Dict, List, Optional

from . import (
    backends,
    contract,
    environment,
    failures,
    generations,
    script,
    seeding,
    suite,
    workspace,
)
from .backends.base import Backend
from .events import EventStream, plain
from .keras2.caps import Caps
from .process.compiled import IMAGE_FOLDER, CompileClock, CompiledModules
from .process.serve import Server, leave


def main(argv: List[str]) -> int:
    """Run one of the probe's commands; return the process's exit status."""
    options = parse(argv)
    if options.command == contract.PACKAGES_COMMAND:
        packages = environment.installed_packages()
        print(json.dumps({"python": sys.version.split()[0], "packages": packages}))
        return 0
    return serve(options)


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line, whose names are the contract's."""
    parser = argparse.ArgumentParser(prog=contract.PROBE_MODULE)
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    commands.add_parser(contract.PACKAGES_COMMAND, help="print the installed versions as JSON")
    served = commands.add_parser(contract.SERVE_COMMAND, help="run a script once for each request")
    add = served.add_argument
    add(contract.OUTPUT_OPTION, required=True, help="folder with a folder for each request")
    add(contract.WORKSPACE_OPTION, required=True, help="folder to run the script in")
    add(contract.COMPILED_OPTION, default="", help="folder where the backend keeps compiled code")
    add(contract.PAIRED_OPTION, action="store_true", help="draw initial weights from NumPy")
    add(contract.EPOCHS_CAP_OPTION, type=int, help="most epochs of a fit")
    add(contract.STEPS_CAP_OPTION, type=int, help="most batches of an epoch")
    add(contract.TRACE_OPTION, help="folder with the request of a trace")
    add(contract.CONVERTED_OPTION, help="script to run instead, converted from a notebook")
    add(contract.SUITE_OPTION, help="tests beside the script to run instead")
    add("script", help="path of the script")
    add("arguments", nargs=argparse.REMAINDER, help="arguments of the script, after --")
    return parser.parse_args(argv)


def serve(options: argparse.Namespace) -> int:
    """Import Keras, then run the script in a process of its own for each request."""
    _forget_probe_path()
    _make_home()
    modules = CompiledModules(options.compiled) if options.compiled else None
    if modules is not None:
        modules.restore(IMAGE_FOLDER)
    loaded = LoadedKeras()
    clock = CompileClock()
    backend = Backend() if loaded.keras is None else backends.of(loaded.keras)
    backend.install(clock)
    if modules is not None:
        modules.restore(str(contract.COMPILED))

    def ended(folder: str, exit_code: int) -> None:
        if modules is not None and exit_code == 0:
            modules.hand_back(os.path.join(folder, contract.COMPILED_FOLDER), backend)

    server = Server(options.output, _scratch(options), options.compiled, loaded.facts)
    for request in server.replicates(ended):
        leave(replicate(options, request, loaded, clock))
    return 0


class LoadedKeras:
    """Keras as it was imported, or the failure of its import.

    ``facts`` are the fields of the environment event. They are taken before any script runs, so
    that no script can claim that it ran on something else.
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
    options: argparse.Namespace,
    request: contract.CellRequest,
    loaded: LoadedKeras,
    clock: CompileClock,
) -> int:
    """Run the script once; the ``end`` event says how it ended, and so does the exit code."""
    stream = EventStream(request.folder)
    stream.emit("start", protocol=contract.PROTOCOL)
    keras = loaded.keras
    if loaded.facts is None:
        script.write(loaded.failure["error"]["traceback"])
        stream.emit("end", **loaded.failure)
        return 1
    _make_home()
    folder = os.path.dirname(options.script)
    if options.suite:
        workspace.mirror(folder, options.workspace, suite.is_aside)
    else:
        workspace.mirror(folder, options.workspace)
    if options.converted:
        shutil.copy(options.converted, options.workspace)
    arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments

    stream.emit("environment", **loaded.facts)
    backends.of(keras).read_compiled()
    started = time.perf_counter()
    cpu = time.process_time()
    run = _run_suite if options.suite else _run_script
    outcome = run(options, request, arguments, keras, stream, clock)
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
    options: argparse.Namespace,
    request: contract.CellRequest,
    arguments: List[str],
    keras: Any,
    stream: EventStream,
    clock: CompileClock,
) -> Dict[str, Any]:
    """Run tests; Keras stays as it is, since tests may examine any part of it."""
    if os.path.isdir(contract.DATA):
        generations.of(keras, stream).install_data_sets(_scratch(options))
    if request.seed is not None:
        seeding.seed_all(keras, request.seed)
    return suite.run(options.workspace, options.suite, arguments, stream)


def _run_script(
    options: argparse.Namespace,
    request: contract.CellRequest,
    arguments: List[str],
    keras: Any,
    stream: EventStream,
    clock: CompileClock,
) -> Dict[str, Any]:
    """Run the script, and record what its models do."""
    path = os.path.join(options.workspace, os.path.basename(options.converted or options.script))
    folder, seed = request.folder, request.seed
    generation = generations.of(keras, stream)
    problem = generation.unsupported(pairs=options.paired, traces=bool(options.trace))
    if problem:
        return failures.unsupported(problem)
    generation.install_data_sets(_scratch(options))
    if options.trace:
        generation.trace(options.trace, folder, request.repeat)
    if seed is not None:
        seeding.seed_all(keras, seed)
    if options.paired:
        generation.pair(seed or 0)
    if generation.run_trials():
        return {"status": contract.EndStatus.OK.value, "exit_code": 0, "error": None}
    caps = Caps(options.epochs_cap, options.steps_cap)
    generation.record(folder, options.workspace, caps, clock)

    outcome = script.run(path, arguments, backends.of(keras).name, generation.explain)
    generation.finish()
    return outcome


def _scratch(options: argparse.Namespace) -> str:
    return str(os.path.dirname(options.workspace))


def _make_home() -> None:
    for folder in (os.environ.get("HOME"), os.environ.get("TMPDIR")):
        if folder:
            os.makedirs(folder, exist_ok=True)


def _peak_memory() -> int:
    # Linux counts it in kibibytes (getrusage(2)).
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
        "status": contract.EndStatus.IMPORT.value,
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
    """Remove the probe from the paths, so that a script cannot import it by accident."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path if entry not in ("", here, os.getcwd())]
    os.environ.pop("PYTHONPATH", None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
