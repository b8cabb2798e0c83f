"""What somebody else does to the engine while a run is under way; ``faulty.py`` runs it.

python meddle.py pause RUN          its container; also kill, remove
python meddle.py untag IMAGE        and all that has no other tag
python meddle.py tag IMAGE NAME
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import docker

from keras_matrix.engine.spec import RUN_LABEL

TO_CONTAINER: Mapping[str, Callable[[Any], object]] = {
    "pause": lambda container: container.pause(),
    "kill": lambda container: container.kill(),
    "remove": lambda container: container.remove(force=True),
}


def main(what: str, name: str, *more: str) -> None:
    """Do one thing."""
    client = docker.from_env()
    if what in TO_CONTAINER:
        (container,) = client.containers.list(filters={"label": f"{RUN_LABEL}={name}"})
        TO_CONTAINER[what](container)
    elif what == "untag":
        client.images.remove(name, force=True)
    else:
        client.images.get(name).tag(*more[0].rsplit(":", 1))
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
