"""Which user cells run as, and which user owns the folders that they write. Pure."""

from dataclasses import dataclass
from enum import Enum

from keras_matrix.engine.security import Security
from keras_matrix.errors import EngineError

CELL_UID = 10001
"""The user number of the images' own user, for a caller who is root: no cell runs as root."""


class Users(Enum):
    """Which numbers a container's users have: the host's, or those of a user namespace.

    ``HOST_DESPITE_NAMESPACE`` is a container without a user namespace, on an engine that has one.
    """

    HOST = "host"
    NAMESPACE = "namespace"
    HOST_DESPITE_NAMESPACE = "host, not the engine's namespace"


@dataclass(frozen=True)
class CellUser:
    """The user that cells run as.

    ``inside`` are the numbers of user and group in the container, ``outside`` the same two on the
    host.
    """

    inside: tuple[int, int]
    outside: tuple[int, int]
    users: Users = Users.HOST

    @property
    def is_root_inside(self) -> bool:
        """Whether cells are root in their container, and so may write to its ``/dev``.

        That is so on a rootless engine, where root inside is the caller outside.
        """
        return self.inside[0] == 0

    @property
    def name(self) -> str:
        """The user in the notation of the engine's API."""
        return "{}:{}".format(*self.inside)


def cell_user(security: Security, caller: tuple[int, int]) -> CellUser:
    """Return which user cells run as: the caller, or the images' own user for root.

    ``caller`` are the numbers of user and group.

    Raises:
        EngineError: the caller could not become the owner of what cells write.
    """
    root = caller[0] == 0
    if security.rootless:
        if root:
            raise EngineError(
                "The container engine runs rootless for another user, and root cannot know who "
                "owns the files that cells write; run keras-matrix as that user."
            )
        # Root inside is the caller outside, with none of root's rights.
        return CellUser(inside=(0, 0), outside=caller, users=Users.NAMESPACE)
    if not root:
        # Only root can become the owner of what a mapped user has written.
        mapped = security.mapped is not None
        users = Users.HOST_DESPITE_NAMESPACE if mapped else Users.HOST
        return CellUser(inside=caller, outside=caller, users=users)
    inside = (CELL_UID, CELL_UID)
    if security.mapped is None:
        return CellUser(inside=inside, outside=inside)
    outside = (security.mapped[0] + CELL_UID, security.mapped[1] + CELL_UID)
    return CellUser(inside=inside, outside=outside, users=Users.NAMESPACE)
