"""Plan the matrix: which cells there are, and in which order they run. Pure."""

import itertools
import random
from collections.abc import Sequence

from keras_matrix.errors import ConfigurationError, NothingSelectedError
from keras_matrix.plan.cells import Caps, Cell, Init, Isolation, Limits, Plan
from keras_matrix.plan.settings import KerasSettings

MAX_CELLS = 500_000
"""As many as a manifest can list and still be read."""


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

    A block is one seed and repeat on all images and settings. Blocks follow one another, and the
    order within each is drawn anew from ``schedule_seed``, so that a drift of the machine is not
    taken for a difference between images or settings (randomized complete block design; Fisher,
    The Design of Experiments, 1935).

    Raises:
        NothingSelectedError: no image or no setting is left.
        ConfigurationError: there are more cells than a run can have, or two would share an id.
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
    draw = random.Random(schedule_seed)
    block = [(setting, image) for setting in settings for image in images]
    cells = [
        Cell(image=image, settings=setting, seed=seed, repeat=repeat)
        for seed, repeat in itertools.product(chosen_seeds, range(repeats))
        for setting, image in draw.sample(block, len(block))
    ]
    _check_ids(cells)
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


def _check_ids(cells: Sequence[Cell]) -> None:
    """Check that no two cells share the name of their files.

    Ids that differ only in case count as the same: some file systems ignore it.

    Raises:
        ConfigurationError: two cells share an id.
    """
    by_id: dict[str, Cell] = {}
    for cell in cells:
        other = by_id.setdefault(cell.id.casefold(), cell)
        if other is not cell:
            raise ConfigurationError(
                f"A cell of image '{other.image}' and one of image '{cell.image}' would both be "
                f"called '{cell.id}'; rename one of the images in images.toml, or run them apart."
            )
