"""The script that a user wants to run."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import notebook, user_files

DEFAULT_SCRIPT = "model.py"


@dataclass(frozen=True)
class Script:
    """A Keras script; ``path`` is absolute, ``content`` are the bytes of the file.

    ``code`` is what a cell runs, under the name ``file``: the content, or what a notebook was
    converted to. ``notes`` say what could not be converted.
    """

    path: Path
    name: str
    content: bytes
    code: bytes
    notes: tuple[str, ...] = ()

    @property
    def converted(self) -> bool:
        """Whether the code was converted from a notebook."""
        return self.path.suffix == notebook.SUFFIX

    @property
    def file(self) -> str:
        """The name that the code runs under; that of a notebook cannot hide a module beside it."""
        return self.path.name + (".py" if self.converted else "")

    @property
    def suite(self) -> str:
        """The tests that pytest runs, relative to the folder; empty for a script."""
        return ""

    @property
    def sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        """The files that a run keeps, by name."""
        return {self.path.name: self.content, self.file: self.code}

    @property
    def folder(self) -> Path:
        """The folder that is mounted into the cell."""
        return self.path.parent


def load(target: Path) -> Script:
    """Load a script, a notebook, or the ``model.py`` of a folder.

    The model is named after the folder for ``model.py``, otherwise after the file.

    Raises:
        ConfigurationError: the file is missing, or cannot be read or converted.
    """
    # Path's own methods would raise an error for a name that is too long.
    path = target / DEFAULT_SCRIPT if os.path.isdir(target) else target
    if os.path.isdir(target) and not os.path.exists(path):
        raise ConfigurationError(
            f"The folder {target} contains no {DEFAULT_SCRIPT}; name the script itself."
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
            f"The script {path} is {error}; move large data to a file beside it."
        ) from error
    resolved = path.resolve()
    user_files.check_name(resolved)
    name = resolved.parent.name if resolved.name == DEFAULT_SCRIPT else resolved.stem
    code = content
    notes: tuple[str, ...] = ()
    if resolved.suffix == notebook.SUFFIX:
        converted = notebook.convert(resolved.name, content)
        code, notes = converted.code, converted.notes
    return Script(path=resolved, name=name, content=content, code=code, notes=notes)


def place(path: Path, workspace: str = "") -> str:
    """Return the path of a script relative to its repository, as CI systems name it.

    Without a repository, it is relative to ``workspace``, or else to the current folder. It is
    empty for a script outside all of these. ``path`` is absolute.
    """
    repository = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    ci_workspace = Path(workspace).resolve() if workspace else None
    for root in (repository, ci_workspace, Path.cwd()):
        if root is not None and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return ""
