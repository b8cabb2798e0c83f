"""The source revision that goes into an image's labels."""

import shutil
import subprocess
from pathlib import Path

import keras_matrix


def source_revision(folder: Path) -> str:
    """Return the commit of the checkout the folder lies in, else this package's version."""
    git = shutil.which("git")
    if git is not None:
        asked = subprocess.run(
            [git, "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if asked.returncode == 0:
            return asked.stdout.strip()
    return keras_matrix.__version__
