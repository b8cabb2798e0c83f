"""The identity of an image, and the bases that it may be built on. Pure."""

from dataclasses import dataclass
from enum import Enum


class BaseKind(Enum):
    """The origin of an image's base: a registry, or a stand-in that was made here."""

    HUB = "hub"
    STANDIN = "standin"


@dataclass(frozen=True)
class ImageIdentity:
    """The exact image that a cell ran on; ``key`` is the digest of its sources.

    ``id`` is what the engine calls it, which depends on how the engine stores images. ``content``
    is a digest of what it holds, the same on every engine; empty in what was recorded before that
    was noted.
    """

    name: str
    id: str
    key: str
    base: BaseKind
    base_digest: str
    content: str = ""

    @property
    def digest(self) -> str:
        """What to know this build by."""
        return self.content or self.id

    def is_build(self, other: "ImageIdentity") -> bool:
        """Tell whether both are the same build, whichever engines hold it."""
        if self.content and other.content:
            return self.content == other.content
        return self.id == other.id


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
