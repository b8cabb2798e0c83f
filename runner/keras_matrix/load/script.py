"""Load the user's script: where it is, what it is called, what its bytes are."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import notebook, user_files

DEFAULT_SCRIPT = "model.py"


@dataclass(frozen=True)
class Script:
    """A Keras script: ``path`` is absolute, ``content`` its bytes.

    ``code`` is what runs, under the name ``file``: the bytes themselves, or what a notebook was
    converted to; ``notes`` tell what could not be.
    """

    path: Path
    name: str
    content: bytes
    code: bytes
    notes: tuple[str, ...] = ()

    @property
    def converted(self) -> bool:
        """Whether the code is not the file's own."""
        return self.path.suffix == notebook.SUFFIX

    @property
    def file(self) -> str:
        """The name that the code runs under; a notebook's never hides a module beside it."""
        return self.path.name + (".py" if self.converted else "")

    @property
    def suite(self) -> str:
        """What pytest is given, relative to the folder; empty for a script."""
        return ""

    @property
    def sha256(self) -> str:
        """The digest of the file's bytes."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        """What a run keeps of it, by name."""
        return {self.path.name: self.content, self.file: self.code}

    @property
    def folder(self) -> Path:
        """The folder that the cell mounts."""
        return self.path.parent


def load(target: Path) -> Script:
    """Load a script, a notebook, or the ``model.py`` of a folder.

    The name of the model is the folder's for ``model.py``, else the file's without its ending.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read or converted.
    """
    # Not Path's own tests: those raise of a name that is too long.
    path = target / DEFAULT_SCRIPT if os.path.isdir(target) else target
    if os.path.isdir(target) and not os.path.exists(path):
        raise ConfigurationError(
            f"The folder {target} holds no {DEFAULT_SCRIPT}; name the script itself."
        )
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ConfigurationError(f"{path} is not a file; name a script.")
        content = user_files.read(path)
    except FileNotFoundError:
        raise ConfigurationError(f"There is no script {target}; check the path.") from None
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the script {path} ({error.strerror}); check its permissions."
        ) from error
    except user_files.MalformedError as error:
        raise ConfigurationError(
            f"The script {path} is {error}; read what is large from a file beside it."
        ) from error
    resolved = path.resolve()
    user_files.check_name(resolved)
    name = resolved.parent.name if resolved.name == DEFAULT_SCRIPT else resolved.stem
    code = content
    notes: tuple[str, ...] = ()
    if resolved.suffix == notebook.SUFFIX:
        made = notebook.convert(resolved.name, content)
        code, notes = made.code, made.notes
    return Script(path=resolved, name=name, content=content, code=code, notes=notes)


def place(path: Path, workspace: str = "") -> str:
    """Return a script's path within its repository, as a CI system names it.

    Without a repository, within ``workspace``, or else within the current folder; empty for a
    script that lies in none of them. ``path`` is absolute.
    """
    repository = next((one for one in path.parents if (one / ".git").exists()), None)
    named = Path(workspace).resolve() if workspace else None
    for root in (repository, named, Path.cwd()):
        if root is not None and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return ""
