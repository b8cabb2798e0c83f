"""The identity of an image, and the bases that it may be built on. Pure."""

from dataclasses import dataclass
from enum import Enum


class BaseKind(Enum):
    """The origin of an image's base: a registry, or a stand-in that was made here."""

    HUB = "hub"
    STANDIN = "standin"


@dataclass(frozen=True)
class ImageIdentity:
    """The exact image that a cell ran on; ``id`` is its digest, ``key`` that of its sources."""

    name: str
    id: str
    key: str
    base: BaseKind
    base_digest: str


class BasePolicy(Enum):
    """The bases that are allowed; AUTO is the registry's, or a stand-in if that is out of reach."""

    AUTO = "auto"
    HUB = "hub"
    STANDIN = "standin"

    def allowed(self) -> tuple[BaseKind, ...]:
        """Return the kinds of base that are allowed, the preferred one first."""
        if self is BasePolicy.AUTO:
            return (BaseKind.HUB, BaseKind.STANDIN)
        return (BaseKind(self.value),)
