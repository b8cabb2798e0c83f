"""Change something in the engine from outside during a run; ``faulty.py`` runs this.

python meddle.py pause RUN          pause its container; likewise kill and remove
python meddle.py untag IMAGE        remove the tag, and the image if it has no other
python meddle.py tag IMAGE NAME     tag an image with another name
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import docker

from keras_matrix.engine.spec import RUN_LABEL

CONTAINER_ACTIONS: Mapping[str, Callable[[Any], object]] = {
    "pause": lambda container: container.pause(),
    "kill": lambda container: container.kill(),
    "remove": lambda container: container.remove(force=True),
}


def main(action: str, name: str, *more: str) -> None:
    """Carry out one action."""
    client = docker.from_env()
    if action in CONTAINER_ACTIONS:
        (container,) = client.containers.list(filters={"label": f"{RUN_LABEL}={name}"})
        CONTAINER_ACTIONS[action](container)
    elif action == "untag":
        client.images.remove(name, force=True)
    else:
        client.images.get(name).tag(*more[0].rsplit(":", 1))
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
