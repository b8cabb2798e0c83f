"""The commit that a script's repository is at, if git is there to ask."""

import os
import re
import subprocess
from pathlib import Path

GIT = "git"
SECONDS = 10.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def head(folder: Path) -> str:
    """Return the digest of the commit checked out in ``folder``.

    Empty where that is in no repository, has no commit yet, or git is missing or refuses: a run
    does not depend on it.
    """
    # A hook's own repository, which git would take for the one asked for.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        done = subprocess.run(
            [GIT, "rev-parse", "--verify", "--quiet", "HEAD"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    found = done.stdout.strip()
    return found if done.returncode == 0 and _COMMIT.fullmatch(found) else ""
