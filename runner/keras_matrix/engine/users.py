"""Which user cells run as, and whom the folders that they write belong to. Pure."""

from dataclasses import dataclass
from enum import Enum

from keras_matrix.engine.security import Security
from keras_matrix.errors import EngineError

CELL_UID = 10001
"""The images' own user, for a caller who is root: a cell never runs as root."""


class Users(Enum):
    """Whose numbers a container's users have: the host's, or those of a user namespace.

    ``HOST_ALL_THE_SAME`` is a container of an engine with user namespaces that does without.
    """

    HOST = "host"
    NAMESPACE = "namespace"
    HOST_ALL_THE_SAME = "host, not the engine's namespace"


@dataclass(frozen=True)
class CellUser:
    """The user that cells run as.

    ``inside`` are user and group as the container has them, ``outside`` the same two on the host.
    """

    inside: tuple[int, int]
    outside: tuple[int, int]
    users: Users = Users.HOST

    @property
    def name(self) -> str:
        """The user as the engine is told."""
        return "{}:{}".format(*self.inside)


def cell_user(security: Security, caller: tuple[int, int]) -> CellUser:
    """Return whom cells run as: the caller, or the images' own user for root.

    Raises:
        EngineError: what cells write could not be taken back from them.
    """
    root = caller[0] == 0
    if security.rootless:
        if root:
            raise EngineError(
                "The container engine is another user's (rootless), and root cannot tell whom its "
                "files belong to; call keras-matrix as that user."
            )
        # Root in there is the caller out here, and has none of root's rights.
        return CellUser(inside=(0, 0), outside=caller, users=Users.NAMESPACE)
    if not root:
        # Only root can take back what a mapped user has written.
        mapped = security.mapped is not None
        users = Users.HOST_ALL_THE_SAME if mapped else Users.HOST
        return CellUser(inside=caller, outside=caller, users=users)
    inside = (CELL_UID, CELL_UID)
    if security.mapped is None:
        return CellUser(inside=inside, outside=inside)
    outside = (security.mapped[0] + CELL_UID, security.mapped[1] + CELL_UID)
    return CellUser(inside=inside, outside=outside, users=Users.NAMESPACE)
