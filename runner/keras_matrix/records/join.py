"""Merge runs of one script whose images ran apart, for instance on several machines."""

import shutil
from collections.abc import Sequence
from dataclasses import replace

from keras_matrix.errors import ConfigurationError, NothingSelectedError, StoreError
from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Manifest


def join(sources: Sequence[RunFolder], target: RunFolder) -> None:
    """Merge runs of the same script into one new run.

    Raises:
        NothingSelectedError: no source has a record.
        ConfigurationError: the runs do not fit together, or the target exists.
        StoreError: a run is damaged, or the target cannot be written.
    """
    if target.path.exists():
        raise ConfigurationError(f"{target.path} exists already; choose another name with --into.")
    manifests = [source.manifest() for source in sources]
    first = manifests[0]
    _check_kinds(sources, manifests)
    images: list[str] = []
    identities: dict[str, ImageIdentity] = {}
    cells: list[Cell] = []
    for source, manifest in zip(sources, manifests, strict=True):
        if replace(manifest.plan, images=(), cells=()) != replace(first.plan, images=(), cells=()):
            raise ConfigurationError(
                f"{source.path} was made with another script, arguments or limits than "
                f"{sources[0].path}; only runs of the same script can be joined."
            )
        for name, image in manifest.images.items():
            if not identities.setdefault(name, image).is_build(image):
                raise ConfigurationError(
                    f"{source.path} was made on another build of image '{name}' than "
                    f"{sources[0].path}; run one of them again."
                )
        if overlap := sorted({cell.id for cell in cells} & {c.id for c in manifest.plan.cells}):
            raise ConfigurationError(
                f"{source.path} has the cell {overlap[0]}, too; join runs without a common cell."
            )
        images += [image for image in manifest.plan.images if image not in images]
        cells += manifest.plan.cells
    runtimes = sorted({host.runtime for m in manifests for host in m.hosts} - {""})
    if len(runtimes) > 1:
        raise ConfigurationError(
            f"The runs were made with different runtimes ({', '.join(runtimes)}); run them again "
            "with one --runtime."
        )
    if not any(source.records() for source in sources):
        raise NothingSelectedError("None of the runs to join holds a record; run them first.")
    order = {image: place for place, image in enumerate(images)}
    plan = replace(
        first.plan,
        images=tuple(images),
        cells=tuple(sorted(cells, key=lambda cell: (cell.seed or 0, order[cell.image]))),
    )
    joined = replace(
        first,
        run=target.name,
        plan=plan,
        keras_json={key: value for m in manifests for key, value in m.keras_json.items()},
        hosts=tuple(dict.fromkeys(host for m in manifests for host in m.hosts)),
        tolerances=tuple(dict.fromkeys(rule for m in manifests for rule in m.tolerances)),
        images=identities,
        finished=tuple(cell for m in manifests for cell in m.finished),
    )
    # The manifest is written last, so that an unfinished join does not look like a run.
    try:
        for source in sources:
            for part in ("script", "records", "logs", "arrays"):
                if (source.path / part).is_dir():
                    shutil.copytree(source.path / part, target.path / part, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise StoreError(
            f"Cannot copy the records into {target.path} ({error}); check its permissions and "
            "space, or name another place with --into."
        ) from error
    target.write_manifest(joined)


def _check_kinds(sources: Sequence[RunFolder], manifests: Sequence[Manifest]) -> None:
    for source, manifest in zip(sources, manifests, strict=True):
        if manifest.kind is RunKind.TRACE:
            raise ConfigurationError(
                f"{source.path} is a trace, which compares its images while it runs; "
                "trace all images at once."
            )
        if manifest.kind is not None and manifest.kind is not manifests[0].kind:
            raise ConfigurationError(
                f"{source.path} is {manifest.kind.words}, and {sources[0].path} is not; "
                "only runs of one kind can be joined."
            )
