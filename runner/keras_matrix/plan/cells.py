"""Cells, what they share, and the plan that lists them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.text import plural


class RunKind(Enum):
    """What a run's cells are: a matrix of one script, the captures of a trace, suites of tests."""

    RUN = "run"
    TRACE = "trace"
    TESTS = "tests"

    @property
    def words(self) -> str:
        """The kind with its article, as in a sentence."""
        names = {
            RunKind.RUN: "a run of a script",
            RunKind.TRACE: "a trace",
            RunKind.TESTS: "a run of tests",
        }
        return names[self]


class Init(Enum):
    """The origin of initial weights: drawn by each backend, or the same on all backends."""

    OWN = "own"
    PAIRED = "paired"


class Isolation(Enum):
    """What each replicate has to itself: a process in a shared container, or a container."""

    PROCESS = "process"
    CONTAINER = "container"


@dataclass(frozen=True)
class Group:
    """The cells that can share a container: those of one image and one keras.json."""

    image: str
    settings: KerasSettings = KerasSettings()

    @property
    def id(self) -> str:
        """The name of the group, which is safe as a file name."""
        return self.image + ("" if self.settings == KerasSettings() else f".{self.settings.id}")


@dataclass(frozen=True)
class Cell:
    """One run of the script: one image, one keras.json, one seed (None: no seed is set).

    ``repeat`` counts runs that are the same in all of these, from 0, to see whether an image
    repeats its own results.
    """

    image: str
    settings: KerasSettings = KerasSettings()
    seed: int | None = None
    repeat: int = 0

    @property
    def group(self) -> Group:
        """The group of cells that can share a container with this one."""
        return Group(self.image, self.settings)

    @property
    def id(self) -> str:
        """The name of the cell, which is unique within a run and safe as a file name."""
        seed = "" if self.seed is None else f".seed{self.seed}"
        repeat = f".repeat{self.repeat}" if self.repeat else ""
        return f"{self.group.id}{seed}{repeat}"


@dataclass(frozen=True)
class Limits:
    """What a cell may use.

    ``memory`` and ``scratch`` are bytes, ``timeout`` is seconds, ``pids`` counts processes, and
    ``threads`` those that a backend computes with.
    """

    memory: int = 4 * 2**30
    scratch: int = 2 * 2**30
    cpus: float = 1.0
    pids: int = 256
    timeout: float = 1800.0
    threads: int = 1


@dataclass(frozen=True)
class Caps:
    """The most epochs of each fit and batches of each epoch; None leaves the script as it is."""

    epochs: int | None = None
    steps: int | None = None

    @property
    def note(self) -> str:
        """A sentence that says what was shortened; empty if nothing was."""
        parts = []
        if self.epochs is not None:
            parts.append(f"at most {plural(self.epochs, 'epoch')} a fit")
        if self.steps is not None:
            parts.append(f"at most {plural(self.steps, 'batch', 'batches')} an epoch")
        return f"The script was shortened: {', '.join(parts)}." if parts else ""


@dataclass(frozen=True)
class Terms:
    """The conditions, besides its script, that the figures of a cell depend on."""

    limits: Limits
    caps: Caps
    init: Init
    runtime: str = ""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What all cells of a run have in common, as the user chose it.

    ``arguments`` are the script's own. ``schedule_seed`` decides the order of cells. ``runtime`` is
    what the engine runs containers with, empty for its default.
    """

    arguments: tuple[str, ...] = ()
    limits: Limits = Limits()
    caps: Caps = Caps()
    schedule_seed: int = 0
    init: Init = Init.OWN
    isolation: Isolation = Isolation.PROCESS
    runtime: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan(Conditions):
    """The whole matrix of one script; ``images`` are in order, the first is the reference.

    ``cells`` are in the order they run.
    """

    model: str
    script_sha256: str
    images: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def terms(self) -> Terms:
        """The terms that all cells run on."""
        return Terms(self.limits, self.caps, self.init, self.runtime)

    def matches(self, other: "Plan") -> bool:
        """Tell whether another plan has the same cells on the same terms, in whatever order.

        Versions of this tool may order the cells of one ``schedule_seed`` differently.
        """
        if self == other:
            return True
        same = replace(self, cells=()) == replace(other, cells=())
        return same and set(self.cells) == set(other.cells)

    def only(self, images: Sequence[str]) -> tuple[Cell, ...]:
        """Return the cells of the named images, in order; all cells if no image is named.

        Raises:
            ConfigurationError: an image is not part of the plan.
        """
        for image in images:
            if image not in self.images:
                raise ConfigurationError(
                    f"--only {image} is not among --on {','.join(self.images)}; add it to --on."
                )
        return tuple(cell for cell in self.cells if not images or cell.image in images)
