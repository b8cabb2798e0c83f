"""Teach tox the matrix: an env for every image of the catalog, all of one call in one run.

``KERAS_MATRIX_RUN`` names the run and ``KERAS_MATRIX_ON`` the images it waits for; both may be set
from outside.
"""

import os
import secrets
import sys
from datetime import datetime
from pathlib import Path

from tox.config.sets import CoreConfigSet
from tox.plugin import impl
from tox.session.state import State

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOG = Path(__file__).parent / "docker" / "images.toml"


def entries() -> list[dict[str, str]]:
    """Return the images, in the catalog's order."""
    listed: list[dict[str, str]] = tomllib.loads(CATALOG.read_text(encoding="utf-8"))["image"]
    return listed


def image_names() -> list[str]:
    """Return the images' names, in the catalog's order."""
    return [entry["name"] for entry in entries()]


def default_names() -> list[str]:
    """Return the names of the images that are meant where none are named."""
    group = entries()[0].get("group")
    return [entry["name"] for entry in entries() if entry.get("group") == group]


@impl
def tox_extend_envs() -> tuple[str, ...]:
    """Make every image an env: its commands are those of ``[testenv]``."""
    return tuple(image_names())


@impl
def tox_add_core_config(core_conf: CoreConfigSet, state: State) -> None:
    """Name this call's run, and the images among its envs."""
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    os.environ.setdefault("KERAS_MATRIX_RUN", f"tox-{now}-{secrets.token_hex(2)}")
    # Some of its commands, such as list, have no choice of envs.
    asked = set(getattr(state.conf.options, "env", None) or ())
    chosen = [name for name in image_names() if name in asked]
    os.environ.setdefault("KERAS_MATRIX_ON", ",".join(chosen or default_names()))
