"""Run one command in an image, confined as a cell is, and return its output."""

import os
import secrets
import time

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.spec import CELL_LABEL, OWNER_LABEL, Bind, ContainerSpec
from keras_matrix.engine.users import cell_user
from keras_matrix.errors import ImageError
from keras_matrix.load.shipped import PROBE_FOLDER
from keras_matrix.plan.cells import Limits
from keras_matrix.plan.contract import PROBE

COMMAND_TIMEOUT = 120.0
"""Seconds that a command may take."""
POLL_INTERVAL = 0.05
"""Seconds between two looks at whether the command has ended."""
MAX_OUTPUT_BYTES = 4 * 2**20
"""Bytes of output that are read; the rest is lost."""
COMMAND_LIMITS = Limits(memory=2**30)
"""What the container may use."""


def run_command(engine: Engine, image: str, purpose: str, command: tuple[str, ...]) -> bytes:
    """Run a command in an image and return what it prints.

    ``image`` is a digest, and ``purpose`` part of the container's name. The command can import the
    probe.

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
        limits=COMMAND_LIMITS,
        labels={CELL_LABEL: purpose, OWNER_LABEL: Owner.this_process().label()},
    )
    try:
        container = engine.create(spec)
        engine.start(container)
        deadline = time.monotonic() + COMMAND_TIMEOUT
        state = engine.state(container)
        while state is not None and state.running and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
            state = engine.state(container)
        output = engine.logs(container, MAX_OUTPUT_BYTES)
        if state is None or state.running or state.exit_code != 0:
            raise ImageError(
                f"'{command[0]}' fails in the image {image}; build it again. Its output: "
                f"{output.decode(errors='replace').strip()[-300:]}"
            )
        return output
    finally:
        engine.remove(name)
