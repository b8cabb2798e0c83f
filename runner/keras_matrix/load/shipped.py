"""The paths of shipped files: the catalog of images, and the probe."""

from pathlib import Path

import keras_matrix

PACKAGE = Path(keras_matrix.__file__).parent
PROBE_FOLDER = PACKAGE.parent / "keras_matrix_probe"
"""The package that is mounted into containers, which the host never imports."""


def default_root() -> Path:
    """Return the folder of the shipped catalog: in the wheel, or in the repository."""
    inside = PACKAGE / "_docker"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "docker"
