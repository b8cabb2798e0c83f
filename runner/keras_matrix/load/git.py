"""The commit that a folder's repository is at: of a script, or of a catalog of images."""

import os
import re
import subprocess
from pathlib import Path

GIT = "git"
TIMEOUT = 10.0
"""Seconds after which git is not waited for any longer."""
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def head(folder: Path) -> str:
    """Return the digest of the commit checked out in ``folder``.

    Empty where the folder is in no repository, the repository has no commit yet, or git is missing
    or refuses: neither a run nor a build depends on it.
    """
    # In a hook, GIT_DIR and the like name the hook's repository, and git would read that one.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        completed = subprocess.run(
            [GIT, "rev-parse", "--verify", "--quiet", "HEAD"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    commit = completed.stdout.strip()
    return commit if completed.returncode == 0 and _COMMIT.fullmatch(commit) else ""
