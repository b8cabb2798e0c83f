"""Values that say which image a cell ran on, and which base one may be built on."""

from dataclasses import dataclass
from enum import Enum


class BaseKind(Enum):
    """Where an image's base came from."""

    HUB = "hub"
    STANDIN = "standin"


@dataclass(frozen=True)
class ImageIdentity:
    """The very image a cell ran on: ``id`` is its content digest, ``key`` that of its sources."""

    name: str
    id: str
    key: str
    base: BaseKind
    base_digest: str


class BasePolicy(Enum):
    """Which base may be used: AUTO is the registry's, or a stand-in where it cannot be reached."""

    AUTO = "auto"
    HUB = "hub"
    STANDIN = "standin"

    def allowed(self) -> tuple[BaseKind, ...]:
        """Return the kinds of base allowed, the preferred one first."""
        if self is BasePolicy.AUTO:
            return (BaseKind.HUB, BaseKind.STANDIN)
        return (BaseKind(self.value),)
