"""A stand-in for an official Python image as the base, if no registry can be reached.

It is a minimal root of the host's own distribution, made by mmdebstrap from the host's package
sources, with a local CPython of the same version in /usr/local. That is the layout of the official
image, so that the same Dockerfile builds on both.
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_matrix.errors import ImageError
from keras_matrix.load.catalog import Image

RECIPE_VERSION = 1
"""To be raised when the recipe changes: stand-ins of another version are not used."""
CPYTHON_VARIABLE = "KERAS_MATRIX_CPYTHON"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
KEPT_VARIABLES = (
    *("path", "home", "user", "logname", "lang", "lc_all", "apt_config"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
)
"""The environment variables, in lower case, that mmdebstrap gets; others may hold secrets."""
SKIPPED = (
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "site-packages",
)
"""Files and folders of a CPython that the stand-in does without."""
SKIPPED_MODULES = ("_tkinter.",)
"""Tk needs X11, and no image draws windows."""


def debian_release() -> tuple[str, str]:
    """Return the host's distribution and release, such as ``("debian", "bookworm")``.

    Raises:
        ImageError: the host is neither Debian nor Ubuntu.
    """
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    if release.get("ID") not in ("debian", "ubuntu") or not release.get("VERSION_CODENAME"):
        raise ImageError(
            "A stand-in base is made from Debian's or Ubuntu's packages, and this host is neither; "
            "make the image registry reachable."
        )
    return release["ID"], release["VERSION_CODENAME"]


def find_cpython(version: str) -> Path:
    """Return the prefix of a local CPython of exactly that version.

    It may be named by ``$KERAS_MATRIX_CPYTHON``, be one of pyenv's versions, or be on PATH.

    Raises:
        ImageError: there is no such CPython.
    """
    short = ".".join(version.split(".")[:2])
    configured = os.environ.get(CPYTHON_VARIABLE)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [Path(configured)] if configured else []
    candidates.append(pyenv / "versions" / version)
    on_path = shutil.which(f"python{short}")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent.parent)
    for prefix in candidates:
        program = prefix / "bin" / f"python{short}"
        # Not is_file(), which raises for a folder that the caller may not enter.
        if os.access(program, os.X_OK) and _version_of(program) == version:
            return prefix
    raise ImageError(
        f"The image registry cannot be reached, and a stand-in base needs a CPython {version} on "
        f"this host; run 'pyenv install {version}', or set {CPYTHON_VARIABLE} to its prefix."
    )


def _version_of(program: Path) -> str:
    completed = subprocess.run(
        [str(program), "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return completed.stdout.strip()


def standin_tag(image: Image) -> str:
    """Return the tag of the stand-in, which depends on Python, release, packages and recipe."""
    described = [
        RECIPE_VERSION,
        debian_release(),
        image.python,
        image.platform,
        sorted(image.base.packages),
    ]
    digest = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
    return f"keras-matrix/standin:{image.python}-{digest}"


class StandinBuild:
    """The making of one stand-in's root archive, which another thread can stop."""

    def __init__(self, image: Image, folder: Path, say: Callable[[str], None]) -> None:
        self._image = image
        self._folder = folder
        self._say = say
        self._process: subprocess.Popen[str] | None = None

    def make(self) -> Path:
        """Make the archive in the folder, and return its path.

        Raises:
            ImageError: a needed program or CPython is missing, or a step failed.
        """
        program = shutil.which("mmdebstrap")
        if program is None:
            raise ImageError(
                "A stand-in base needs mmdebstrap; install it with 'apt-get install mmdebstrap'."
            )
        _, release = debian_release()
        prefix = find_cpython(self._image.python)
        short = ".".join(self._image.python.split(".")[:2])
        archive = self._folder / "python.tar"
        _archive_cpython(prefix, short, archive)
        packages = {
            "ca-certificates",
            *self._image.base.packages,
            *_library_packages(archive_of=prefix, short=short),
        }
        # Where the caller is not root, mmdebstrap works as a user of a namespace, who must enter.
        self._folder.chmod(0o711)
        archive.chmod(0o644)
        root = self._folder / "root.tar"
        self._say(f"stand-in: {release} with {', '.join(sorted(packages))}")
        self._run(
            [
                program,
                "--quiet",
                "--variant=minbase",
                f"--architectures={self._image.platform.rpartition('/')[2]}",
                f"--include={','.join(sorted(packages))}",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                *(f"--customize-hook={hook}" for hook in _hooks(archive, short)),
                release,
                str(root),
            ]
        )
        return root

    def abandon(self) -> None:
        """Stop mmdebstrap, if it runs; it removes its own scratch folder."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)

    def _run(self, command: list[str]) -> None:
        # In a process group of its own, which abandon() can stop as a whole, and Ctrl-C does not.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**_environment(), "TMPDIR": str(self._folder)},
        )
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            lines = output.strip().splitlines()[-5:]
            if "unable to pick chroot mode" in output:
                raise ImageError(
                    "mmdebstrap needs root, or user namespaces for a stand-in base; install them "
                    "with 'apt-get install uidmap', or build the images as root."
                )
            raise ImageError(
                f"mmdebstrap could not make the stand-in base: {' | '.join(lines)}; check the "
                "package sources with 'apt-get update'."
            )


def _environment() -> dict[str, str]:
    """Return the variables of the environment that the packages' scripts may read."""
    return {name: value for name, value in os.environ.items() if name.lower() in KEPT_VARIABLES}


def import_changes() -> tuple[str, ...]:
    """Return the settings of the official image, and that of the CA bundle for pip.

    pip's own bundle lacks authorities that only the host trusts.
    """
    return (
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        f"ENV PIP_CERT={CA_BUNDLE}",
        'CMD ["python3"]',
    )


def _hooks(archive: Path, short: str) -> Iterator[str]:
    yield f"tar-in {shlex.quote(str(archive))} /"
    if CA_BUNDLE.is_file():
        yield f"copy-in {CA_BUNDLE} {CA_BUNDLE.parent}"
    yield 'chroot "$1" ldconfig'
    for link in ("python3", "python"):
        yield f'ln -sf python{short} "$1/usr/local/bin/{link}"'
    yield f'chroot "$1" python{short} -m ensurepip --default-pip'
    yield 'rm -rf "$1/var/lib/apt/lists" "$1/var/cache/apt" "$1/root/.cache"'


def _archive_cpython(prefix: Path, short: str, archive: Path) -> None:
    """Archive the parts of a CPython prefix that are needed to run it, below ``usr/local``."""

    def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(member.name).name
        if name in SKIPPED or name.startswith(SKIPPED_MODULES) or name.endswith((".a", ".pyc")):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(archive, "w") as tar:
        for path in _cpython_paths(prefix, short):
            tar.add(path, arcname=f"usr/local/{path.relative_to(prefix)}", filter=owned_by_root)


def _cpython_paths(prefix: Path, short: str) -> Iterator[Path]:
    yield from (
        path for path in (prefix / "bin").glob(f"python{short}*") if path.name[-7:] != "-config"
    )
    yield prefix / "lib" / f"python{short}"
    yield from (prefix / "lib").glob(f"libpython{short}*.so*")
    yield from (prefix / "include").glob(f"python{short}*")


def _library_packages(archive_of: Path, short: str) -> set[str]:
    """Return the Debian packages that own the shared libraries this CPython links to."""
    objects = [str(archive_of / "bin" / f"python{short}")]
    objects += [
        str(path)
        for path in (archive_of / "lib" / f"python{short}" / "lib-dynload").glob("*.so")
        if not path.name.startswith(SKIPPED_MODULES)
    ]
    listed = subprocess.run(
        ["ldd", *objects], capture_output=True, text=True, check=False, timeout=60
    )
    libraries = {
        word
        for line in listed.stdout.splitlines()
        for word in line.split()
        if word.startswith("/") and not word.endswith(":") and not word.startswith(str(archive_of))
    }
    packages: set[str] = set()
    for library in sorted(libraries):
        packages |= _owners(library)
    return packages


def _owners(library: str) -> set[str]:
    # dpkg lists a file under the path in its package, which differs on a merged /usr.
    resolved = str(Path(library).resolve())
    for path in (library, resolved, resolved.removeprefix("/usr")):
        completed = subprocess.run(
            ["dpkg-query", "--search", path],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if completed.returncode == 0:
            return {line.split(":")[0] for line in completed.stdout.splitlines()}
    raise ImageError(
        f"The local CPython links to {library}, which no Debian package owns; use a CPython "
        "that was built with the distribution's libraries."
    )
