"""Ask an image a question: run one command in it, closed as a cell is, and take its answer."""

import os
import secrets
import time

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.spec import LABEL, OWNER_LABEL, Bind, ContainerSpec
from keras_matrix.engine.users import cell_user
from keras_matrix.errors import ImageError
from keras_matrix.load.shipped import PROBE_FOLDER
from keras_matrix.plan.cells import Limits
from keras_matrix.plan.contract import PROBE

TIMEOUT = 120.0
POLL = 0.05
MAX_ANSWER = 4 * 2**20


def ask(engine: Engine, image: str, purpose: str, command: tuple[str, ...]) -> bytes:
    """Return what the command prints; the probe is importable there. ``image`` is a digest.

    Raises:
        ImageError: the command fails, or takes too long.
    """
    user = cell_user(engine.facts().security, (os.getuid(), os.getgid()))
    name = f"keras-matrix-{purpose}-{secrets.token_hex(4)}"
    spec = ContainerSpec(
        name=name,
        image=image,
        command=command,
        environment={"PYTHONPATH": str(PROBE)},
        binds=(Bind(PROBE_FOLDER, PROBE / PROBE_FOLDER.name),),
        user=user,
        limits=Limits(memory=2**30),
        labels={LABEL: purpose, OWNER_LABEL: Owner.this_process().label()},
    )
    try:
        container = engine.create(spec)
        engine.start(container)
        deadline = time.monotonic() + TIMEOUT
        state = engine.state(container)
        while state is not None and state.running and time.monotonic() < deadline:
            time.sleep(POLL)
            state = engine.state(container)
        answer = engine.logs(container, MAX_ANSWER)
        if state is None or state.running or state.exit_code != 0:
            raise ImageError(
                f"The image {image} does not run '{command[0]}'; build it again. It said: "
                f"{answer.decode(errors='replace').strip()[-300:]}"
            )
        return answer
    finally:
        engine.remove(name)
