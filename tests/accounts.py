"""Run the tests with the engine: most as an ordinary user, those that need root as root.

``python -m tests.accounts ARGUMENTS`` calls pytest twice. Called by root, it makes a user for the
first call, who may use the container engine and works in a copy of the tree; called by another
user, it asks sudo for the second. With ``--as-root`` first, there is one call, as root.

Users of keras-matrix are seldom root, and the files, limits and
leftovers of a container are not the same for root.
"""

import contextlib
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.tree import copy_tree

USER = "keras-matrix-tests"
ENGINE = "unix:///var/run/docker.sock"
# What says who calls, or names a folder that is not the other user's.
NOT_PASSED = (
    "HOME",
    "KERAS_MATRIX_CACHE",
    "KERAS_MATRIX_HISTORY",
    "LOGNAME",
    "MAIL",
    "USER",
    "XDG_",
)


def say(text: str) -> None:
    sys.stderr.write(f"tests: {text}\n")


def environment_of(account: pwd.struct_passwd) -> dict[str, str]:
    """Return the variables of this process, with those that say who runs it for an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED)}
    return {**kept, "HOME": account.pw_dir, "LOGNAME": account.pw_name, "USER": account.pw_name}


def as_root(command: Sequence[str]) -> int:
    """Run a command as root, and return its exit code."""
    if os.geteuid() == 0:
        return run(command)
    if shutil.which("sudo") is None:
        say("some tests need root, and there is no sudo; run them as root.")
        return 2
    say("some tests need root: asking sudo")
    variables = {**environment_of(pwd.getpwuid(0)), "PYTHONDONTWRITEBYTECODE": "1"}
    # Not by sudo's own choice of variables: those of a tox env are needed.
    given = [f"{name}={value}" for name, value in variables.items()]
    return run(["sudo", "env", "--ignore-environment", *given, *command])


def as_ordinary(command: Sequence[str]) -> int:
    """Run a command as somebody who is not root, and return its exit code."""
    if os.geteuid() != 0:
        return run(command)
    account = made_account()
    groups = sorted({account.pw_gid, *engine_groups()})
    say(f"running as the user {USER}, in a copy of the tree")
    with tempfile.TemporaryDirectory(prefix="keras-matrix-tree-") as folder:
        # Programs that a test starts as yet another user begin in it, too.
        Path(folder).chmod(0o755)
        tree = Path(folder) / "tree"
        copy_tree(tree)
        owner = f"{account.pw_uid}:{account.pw_gid}"
        subprocess.run(["chown", "--recursive", owner, tree], check=True)
        step_down = [
            *("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"),
            f"--groups={','.join(map(str, groups))}",
        ]
        with reachable(interpreters()) as enter:
            return run([*enter, *step_down, *command], cwd=tree, env=environment_of(account))


def run(command: Sequence[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> int:
    """Run a command; Ctrl-C is for it, and this waits for its end."""
    with subprocess.Popen(command, cwd=cwd, env=env) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def made_account() -> pwd.struct_passwd:
    """Return the account of the tests' user, made if there is none; its cache is kept."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        say(f"making the user {USER}, which the tests run as")
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True)
        return pwd.getpwnam(USER)


def engine_groups() -> Iterator[int]:
    """Yield the group of those who may use the engine."""
    address = urlsplit(os.environ.get("DOCKER_HOST", ENGINE))
    if address.scheme == "unix":
        yield os.stat(address.path).st_gid


def interpreters() -> Iterator[Path]:
    """Yield the folders of the Python that runs this, and of those that pyenv has."""
    yield from (Path(sys.prefix), Path(sys.base_prefix))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    if pyenv.is_dir():
        yield pyenv


@contextlib.contextmanager
def reachable(paths: Iterable[Path]) -> Iterator[list[str]]:
    """Yield the start of a command that shows paths to all users, though a folder hides them.

    Root's own Python often lies in root's home. Seen by that command alone, an empty folder lies
    over each folder that is closed to others, with nothing but the paths below it.
    """
    closed: dict[Path, list[Path]] = {}
    for path in sorted({path.resolve() for path in paths}):
        hidden_by = [one for one in path.parents if not one.stat().st_mode & 0o001]
        if hidden_by:
            shown = closed.setdefault(hidden_by[-1], [])
            if not any(path.is_relative_to(other) for other in shown):
                shown.append(path)
    with tempfile.TemporaryDirectory(prefix="keras-matrix-shown-") as folder:
        lines = ["set -e"]
        for number, (cover, shown) in enumerate(closed.items()):
            for place, path in enumerate(shown):
                kept = Path(folder) / f"{number}-{place}"
                kept.mkdir()
                lines.append(shlex.join(["mount", "--bind", str(path), str(kept)]))
            lines.append(shlex.join(["mount", "-t", "tmpfs", "-o", "mode=755", "none", str(cover)]))
            for place, path in enumerate(shown):
                kept = Path(folder) / f"{number}-{place}"
                lines.append(shlex.join(["mkdir", "--parents", str(path)]))
                lines.append(shlex.join(["mount", "--move", str(kept), str(path)]))
        lines.append('exec "$@"')
        script = "\n".join(lines)
        yield ["unshare", "--mount", "sh", "-c", script, "sh"] if closed else []


def main(arguments: Sequence[str]) -> int:
    """Run the tests that the arguments name, and return pytest's exit code."""
    # One user could not write what the other has cached.
    pytest_command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    if arguments[:1] == ["--as-root"]:
        return as_root([*pytest_command, *arguments[1:]])
    codes = []
    for run_as, which in ((as_ordinary, "not root"), (as_root, "root")):
        codes.append(run_as([*pytest_command, "-m", which, *arguments]))
        if codes[-1] == pytest.ExitCode.INTERRUPTED:
            break
    ran = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return max(ran, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
