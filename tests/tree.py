"""A copy of the repository's files, for tests that change them or run as another user."""

import shutil
import subprocess
from pathlib import Path

from tests import ROOT

NOT_KEPT = (".*cache", ".git", ".tox", ".venv*", "__pycache__", "dist", "results")


def copy_tree(target: Path) -> None:
    """Copy what a clone would hold; where there is no repository, all that is not made anew."""
    if not (ROOT / ".git").exists():
        ignored = shutil.ignore_patterns(*NOT_KEPT)
        shutil.copytree(ROOT, target, ignore=ignored, dirs_exist_ok=True)
        return
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
