"""Plan the matrix: which cells there are. Pure functions; no engine, no files."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keras_matrix.errors import ConfigurationError, NothingSelectedError

MAX_CELLS = 500_000
"""As many as a manifest can list and still be read."""


class Floatx(Enum):
    """keras.json's ``floatx``: the default type of tensors."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class ImageDataFormat(Enum):
    """keras.json's ``image_data_format``: where the channel axis of images is."""

    CHANNELS_LAST = "channels_last"
    CHANNELS_FIRST = "channels_first"


class Init(Enum):
    """Where first weights come from: each backend's own draw, or one that all backends share."""

    OWN = "own"
    PAIRED = "paired"


@dataclass(frozen=True)
class KerasSettings:
    """The fields of keras.json other than ``backend``; defaults are Keras 2.3.1's own."""

    floatx: Floatx = Floatx.FLOAT32
    image_data_format: ImageDataFormat = ImageDataFormat.CHANNELS_LAST
    epsilon: float = 1e-7

    @property
    def id(self) -> str:
        """A short name, safe as part of a file name: what differs from Keras's own defaults."""
        usual = KerasSettings()
        parts = []
        if self.floatx is not usual.floatx:
            parts.append(self.floatx.value)
        if self.image_data_format is not usual.image_data_format:
            parts.append(self.image_data_format.value)
        if self.epsilon != usual.epsilon:
            parts.append(f"eps{self.epsilon!r}")
        return ".".join(parts) or "default"

    def keras_json(self, backend: str) -> dict[str, str | float]:
        """Return the content of keras.json for that backend."""
        return {
            "backend": backend,
            "epsilon": self.epsilon,
            "floatx": self.floatx.value,
            "image_data_format": self.image_data_format.value,
        }


class Isolation(Enum):
    """What replicates share: a container in which each is a process, or nothing."""

    PROCESS = "process"
    CONTAINER = "container"


@dataclass(frozen=True)
class Group:
    """The cells that can share a container: one image, one keras.json."""

    image: str
    settings: KerasSettings = KerasSettings()

    @property
    def id(self) -> str:
        """The name of the group, safe as a file name."""
        return self.image + ("" if self.settings == KerasSettings() else f".{self.settings.id}")


@dataclass(frozen=True)
class Cell:
    """One run of the model: one image, one keras.json, one seed (None: the script's own luck).

    ``repeat`` counts runs of the very same from 0, to see whether an image repeats itself.
    """

    image: str
    settings: KerasSettings = KerasSettings()
    seed: int | None = None
    repeat: int = 0

    @property
    def group(self) -> Group:
        """The cells that this one can share a container with."""
        return Group(self.image, self.settings)

    @property
    def id(self) -> str:
        """The name of the cell: unique within a run, safe as a file name."""
        seed = "" if self.seed is None else f".seed{self.seed}"
        repeat = f".repeat{self.repeat}" if self.repeat else ""
        return f"{self.group.id}{seed}{repeat}"


@dataclass(frozen=True)
class Limits:
    """What a cell may use: bytes, CPUs, processes, seconds, and threads for the numbers."""

    memory: int = 4 * 2**30
    scratch: int = 2 * 2**30
    cpus: float = 1.0
    pids: int = 256
    timeout: float = 1800.0
    threads: int = 1


@dataclass(frozen=True)
class Caps:
    """At most so many epochs a fit, and batches an epoch; None is as the script has it."""

    epochs: int | None = None
    steps: int | None = None

    @property
    def note(self) -> str:
        """What was shortened, in words; empty where nothing was."""
        parts = []
        if self.epochs is not None:
            parts.append(f"at most {self.epochs} epoch{'s' * (self.epochs != 1)} a fit")
        if self.steps is not None:
            parts.append(f"at most {self.steps} batch{'es' * (self.steps != 1)} an epoch")
        return f"The script was shortened: {', '.join(parts)}." if parts else ""


@dataclass(frozen=True)
class Terms:
    """What the figures of a cell depend on besides its script and the cell itself."""

    limits: Limits
    caps: Caps
    init: Init
    runtime: str = ""


@dataclass(frozen=True)
class Plan:
    """The whole matrix of one script; ``images`` are in order, the first is the reference.

    ``cells`` are in the order they run; ``schedule_seed`` made it. ``runtime`` is what the engine
    is asked to run containers with, empty for its default.
    """

    model: str
    script_sha256: str
    arguments: tuple[str, ...]
    images: tuple[str, ...]
    cells: tuple[Cell, ...]
    limits: Limits
    caps: Caps = Caps()
    schedule_seed: int = 0
    init: Init = Init.OWN
    isolation: Isolation = Isolation.PROCESS
    runtime: str = ""

    @property
    def terms(self) -> Terms:
        """The terms that all cells are run on."""
        return Terms(self.limits, self.caps, self.init, self.runtime)

    def only(self, images: Sequence[str]) -> tuple[Cell, ...]:
        """Return the cells of some of the images, all of them for an empty selection.

        Raises:
            ConfigurationError: an image is not part of the plan.
        """
        for image in images:
            if image not in self.images:
                raise ConfigurationError(
                    f"--only {image} is not among --on {','.join(self.images)}; add it there."
                )
        return tuple(cell for cell in self.cells if not images or cell.image in images)


def make_plan(
    *,
    model: str,
    script_sha256: str,
    arguments: Sequence[str],
    images: Sequence[str],
    settings: Sequence[KerasSettings],
    seeds: Sequence[int],
    limits: Limits,
    caps: Caps = Caps(),
    repeats: int = 1,
    schedule_seed: int = 0,
    init: Init = Init.OWN,
    isolation: Isolation = Isolation.PROCESS,
    runtime: str = "",
) -> Plan:
    """Cross images, settings, seeds and repeats.

    A block is one seed on all images: blocks follow one another, and within each the order of the
    images is drawn anew, so that a drift of the machine is not taken for a difference between
    them (randomized complete block design; Fisher, The Design of Experiments, 1935).

    Raises:
        NothingSelectedError: no image or no setting is left.
        ConfigurationError: these are more cells than a run can have.
    """
    if not images or not settings:
        raise NothingSelectedError("No cell is selected; name at least one image with --on.")
    chosen_seeds: Sequence[int | None] = seeds if seeds else (None,)
    count = len(images) * len(settings) * len(chosen_seeds) * repeats
    if count > MAX_CELLS:
        raise ConfigurationError(
            f"{count} cells are too many ({len(images)} images, {len(settings)} keras.json, "
            f"{len(chosen_seeds)} seeds, {repeats} repeats); a run has at most {MAX_CELLS}."
        )
    order = random.Random(schedule_seed)
    cells: list[Cell] = []
    for setting, seed, repeat in itertools.product(settings, chosen_seeds, range(repeats)):
        cells += [
            Cell(image=image, settings=setting, seed=seed, repeat=repeat)
            for image in order.sample(images, len(images))
        ]
    return Plan(
        model=model,
        script_sha256=script_sha256,
        arguments=tuple(arguments),
        images=tuple(images),
        cells=tuple(cells),
        limits=limits,
        caps=caps,
        schedule_seed=schedule_seed,
        init=init,
        isolation=isolation,
        runtime=runtime,
    )


def cross_settings(
    floatx: Sequence[Floatx], formats: Sequence[ImageDataFormat], epsilons: Sequence[float]
) -> tuple[KerasSettings, ...]:
    """Cross the axes of keras.json.

    Raises:
        ConfigurationError: an epsilon is not a positive number, or a value is given twice.
    """
    for epsilon in epsilons:
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise ConfigurationError(f"--epsilon {epsilon} is not a positive number.")
    settings = tuple(
        KerasSettings(floatx=kind, image_data_format=layout, epsilon=epsilon)
        for kind, layout, epsilon in itertools.product(floatx, formats, epsilons)
    )
    if len(set(settings)) != len(settings):
        raise ConfigurationError("A value of keras.json is given twice; give each once.")
    return settings
