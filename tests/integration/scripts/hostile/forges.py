"""Write the probe's own files: each seed forges something else."""

import glob
import json
import os
import sys

from attempts import SEED, train

(folder,) = glob.glob("/output/*")
EVENTS = os.path.join(folder, "events.jsonl")
END = {
    "event": "end",
    "status": "ok",
    "exit_code": 0,
    "error": None,
    "seconds": 1.0,
    "cpu_seconds": 1.0,
    "peak_memory": 1,
    "keras_backend_variable": None,
}
CALL = {"event": "call_start", "id": 9, "kind": "evaluate", "name": "evaluate", "model": "m"}
CALL_END = {"event": "call_end", "id": 9, "seconds": 1.0, "cpu_seconds": 1.0, "params": {}}


def add(*events):
    """Append events to the stream."""
    with open(EVENTS, "a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")


def leave():
    """End at once, as if all were done."""
    sys.stdout.flush()
    os._exit(0)


def figures():
    """Forge figures, and leave before the probe tells its own."""
    add(
        dict(CALL, site="forges.py:1"),
        dict(CALL_END, metrics={"loss": 0.0, "nan": "nan"}, arrays=[]),
        END,
    )
    leave()


def report():
    """Forge the report of the end, and go on."""
    with open(os.path.join(folder, "ended"), "w") as file:
        told = {"exit_code": 0, "word": "", "environment": None, "changed": []}
        json.dump(told, file)
    while True:
        pass


def backend():
    """Forge the name of the backend, in Keras and in what the probe has told."""
    import keras.backend

    keras.backend.backend = keras.backend.load_backend = lambda: "theano"
    with open(EVENTS) as file:
        lines = file.read().replace('"backend": "tensorflow"', '"backend": "theano"')
    with open(EVENTS, "w") as file:
        file.write(lines)
    add(END)
    leave()


def large():
    """Make the stream larger than anyone reads, with a file that has holes."""
    os.truncate(EVENTS, 255 * 2**20)
    leave()


def links():
    """Put a link to a file of the host's, and pipes, in the place of the probe's files."""
    os.unlink(EVENTS)
    os.symlink("/etc/passwd", EVENTS)
    for name in ("log", "log.before", "ended.part"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.unlink(path)
        os.mkfifo(path)
    print("into nothing")
    leave()


def gone():
    """Close the output folder, with a folder in the place of the report."""
    os.makedirs(os.path.join(folder, "ended.part", "deep"))
    os.unlink(EVENTS)
    os.chmod(folder, 0)
    leave()


train()
FORGERIES = (figures, report, backend, large, links, gone)
FORGERIES[SEED]()
