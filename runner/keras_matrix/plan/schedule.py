"""The plan of a run: which cells there are, and in which order they run. Pure."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields

from keras_matrix.errors import ConfigurationError, NothingSelectedError
from keras_matrix.plan.cells import Cell, Conditions, Plan
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.text import plural

MAX_CELLS = 500_000
"""The most cells of a run: a manifest can list as many and still be read."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest(Conditions):
    """The axes of a plan besides its images, and the conditions that all of its cells share.

    Without ``seeds``, no seed is set. ``repeats`` counts the runs of each seed on each image.
    """

    settings: Sequence[KerasSettings] = (KerasSettings(),)
    seeds: Sequence[int] = ()
    repeats: int = 1


def make_plan(
    request: PlanRequest, *, model: str, script_sha256: str, images: Sequence[str]
) -> Plan:
    """Plan a cell for each combination of images, settings, seeds and repeats.

    A block is one seed and repeat on all images and settings. Blocks follow one another, and the
    order within each is drawn independently from ``schedule_seed``, so that a drift of the machine
    is not taken for a difference between images or settings (randomized complete block design;
    Fisher, The Design of Experiments, 1935).

    Raises:
        NothingSelectedError: there is no image or no setting.
        ConfigurationError: there are more cells than a run can have, or two would share an id.
    """
    settings, repeats = request.settings, request.repeats
    if not images or not settings:
        raise NothingSelectedError("No cell is selected; name at least one image with --on.")
    seeds: Sequence[int | None] = request.seeds or (None,)
    count = len(images) * len(settings) * len(seeds) * repeats
    if count > MAX_CELLS:
        raise ConfigurationError(
            f"{count} cells are too many ({plural(len(images), 'image')}, {len(settings)} "
            f"keras.json, {plural(len(seeds), 'seed')}, {plural(repeats, 'repeat')}); plan at most "
            f"{MAX_CELLS}."
        )
    draw = random.Random(request.schedule_seed)
    block = [(setting, image) for setting in settings for image in images]
    cells = [
        Cell(image=image, settings=setting, seed=seed, repeat=repeat)
        for seed, repeat in itertools.product(seeds, range(repeats))
        for setting, image in draw.sample(block, len(block))
    ]
    _check_ids(cells)
    conditions = {field.name: getattr(request, field.name) for field in fields(Conditions)}
    return Plan(
        model=model,
        script_sha256=script_sha256,
        images=tuple(images),
        cells=tuple(cells),
        **conditions,
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
