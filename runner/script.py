"""Load the user's script: where it is, what it is called, what its bytes are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ConfigurationError

DEFAULT_SCRIPT = "model.py"


@dataclass(frozen=True)
class Script:
    """A Keras script: ``path`` is absolute, ``sha256`` is of its bytes."""

    path: Path
    name: str
    sha256: str

    @property
    def folder(self) -> Path:
        """The folder that the cell mounts."""
        return self.path.parent


def load(target: Path) -> Script:
    """Load a script, or the ``model.py`` of a folder.

    The name of the model is the folder's for ``model.py``, else the file's without its ending.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read.
    """
    path = target / DEFAULT_SCRIPT if target.is_dir() else target
    if target.is_dir() and not path.exists():
        raise ConfigurationError(
            f"The folder {target} holds no {DEFAULT_SCRIPT}; name the script itself."
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"There is no script {target}; check the path.") from None
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the script {path} ({error.strerror}); check its permissions."
        ) from error
    resolved = path.resolve()
    name = resolved.parent.name if resolved.name == DEFAULT_SCRIPT else resolved.stem
    return Script(path=resolved, name=name, sha256=hashlib.sha256(content).hexdigest())
