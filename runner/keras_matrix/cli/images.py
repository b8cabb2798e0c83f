"""``keras-matrix images``: build, list, verify, lock, key, save and load."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_matrix.cli import images_contents, options

if TYPE_CHECKING:
    from keras_matrix.engine.client import Engine
    from keras_matrix.images.build import Builder
    from keras_matrix.load.catalog import Catalog, Image


@dataclass(frozen=True)
class ImageRow:
    """A row of ``images list``; all fields but the name are None for an image that is not built."""

    name: str
    id: str | None
    key: str | None
    base: str | None
    base_digest: str | None
    bytes: int | None


names = click.argument("names", nargs=-1, metavar="[IMAGE]...")
name = click.argument("name", metavar="IMAGE")


def _load(root: Path | None) -> "Catalog":
    from keras_matrix.load import catalog

    return catalog.load(options.catalog_root(root))


def _selected(root: Path | None, chosen: tuple[str, ...]) -> "tuple[Catalog, tuple[Image, ...]]":
    images = _load(root)
    return images, images.select(chosen)


@contextmanager
def _building(
    names: tuple[str, ...], base: str, catalog: Path | None, *, quiet: bool, verbose: bool
) -> "Iterator[tuple[Builder, tuple[Image, ...]]]":
    """Yield a builder and the selected images; show progress, and let Ctrl-C stop a build."""
    from keras_matrix.cli.execute import progress
    from keras_matrix.engine.client import Engine
    from keras_matrix.engine.patience import Patience
    from keras_matrix.images import build
    from keras_matrix.interrupts import Interrupts, installed
    from keras_matrix.plan.images import BasePolicy

    loaded, images = _selected(catalog, names)
    interrupts = Interrupts()
    shown = progress(quiet=quiet, verbose=verbose)
    with (
        installed(interrupts, shown.stopping),
        shown,
        interrupts.before_engine_errors(),
        Engine.connect(Patience(interrupts, shown.step)) as engine,
    ):
        builder = build.Builder(
            engine=engine,
            catalog=loaded,
            policy=BasePolicy(base),
            interrupts=interrupts,
            say=build.Say(step=shown.step, line=shown.line),
        )
        yield builder, images


@click.group(name="images")
def command() -> None:
    """Build, list, verify, lock, save and load images; list their contents and advisories."""


@command.command(name="build")
@names
@options.base
@options.catalog
@options.json
@options.quiet
@options.verbose
def build_command(
    names: tuple[str, ...],
    base: str,
    catalog: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Build the images that are not built yet, by default all."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.engine.patience import Patience
    from keras_matrix.report import json

    with _building(names, base, catalog, quiet=quiet, verbose=verbose) as (builder, images):
        identities = builder.build_all(images, lambda: Engine.connect(Patience(builder.interrupts)))
    built = [identities[image.name] for image in images]
    if as_json:
        click.echo(json.encode({"schema": 1, "images": built}))
    else:
        for image in built:
            click.echo(f"{image.name}  {image.id}  base: {image.base.value}")
    return 0


@command.command(name="list")
@options.catalog
@options.json
def list_command(catalog: Path | None, as_json: bool) -> int:
    """List the images: whether each is built, on which base, and its size."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.report import json

    loaded, images = _selected(catalog, ())
    with Engine.connect() as engine:
        rows = [_row(engine, loaded, image) for image in images]
    if as_json:
        click.echo(json.encode({"schema": 1, "images": rows}))
        return 0
    width = max(len(image.name) for image in images)
    for row in rows:
        click.echo(f"{row.name:{width}}  {_state(row)}")
    return 0


def _row(engine: "Engine", catalog: "Catalog", image: "Image") -> ImageRow:
    from keras_matrix.images import build
    from keras_matrix.plan.images import BasePolicy

    built = build.find(engine, catalog, image, BasePolicy.AUTO)
    return ImageRow(
        name=image.name,
        id=built.id if built else None,
        key=built.key if built else None,
        base=built.base.value if built else None,
        base_digest=built.base_digest if built else None,
        bytes=engine.image_size(built.id) if built else None,
    )


def _state(row: "ImageRow") -> str:
    if row.id is None or row.bytes is None:
        return "not built"
    return f"{row.id}  base: {row.base}  {row.bytes / 1e6:.0f} MB"


@command.command(name="verify")
@names
@options.base
@options.catalog
@options.json
def verify_command(names: tuple[str, ...], base: str, catalog: Path | None, as_json: bool) -> int:
    """Start each image and compare what is installed with the lock; print each mismatch."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.errors import ExitCode
    from keras_matrix.images import build, verify
    from keras_matrix.plan.images import BasePolicy
    from keras_matrix.report import json

    loaded, images = _selected(catalog, names)
    lines: list[str] = []
    with Engine.connect() as engine:
        for image in images:
            built = build.built(engine, loaded, image, BasePolicy(base))
            locked = verify.locked_versions(loaded.folder(image))
            wrong = verify.mismatches(image, locked, verify.installed_versions(engine, built))
            lines += wrong
            if not wrong and not as_json:
                base_kind = built.base.value
                click.echo(f"{image.name}: {len(locked)} packages as locked, base: {base_kind}")
    if as_json:
        click.echo(json.encode({"schema": 1, "mismatches": lines}))
    else:
        for line in lines:
            click.echo(line)
    return int(ExitCode.IMAGE if lines else ExitCode.AGREE)


@command.command(name="key")
@name
@options.catalog
def key_command(name: str, catalog: Path | None) -> int:
    """Print the content key of an image, which changes with anything it is built from."""
    from keras_matrix.images.key import content_key

    loaded = _load(catalog)
    image = loaded.get(name)
    click.echo(content_key(loaded, image))
    return 0


@command.command(name="lock")
@names
@options.base
@options.catalog
@options.json
@options.quiet
@options.verbose
def lock_command(
    names: tuple[str, ...],
    base: str,
    catalog: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Rewrite requirements*.txt from requirements*.in, resolved inside the base of the image."""
    from keras_matrix.images import lock
    from keras_matrix.report import json

    written: dict[str, list[str]] = {}
    with _building(names, base, catalog, quiet=quiet, verbose=verbose) as (builder, images):
        for image in images:
            written[image.name] = [str(path) for path in lock.lock(builder, image)]
            if not as_json:
                for path in written[image.name]:
                    click.echo(f"{image.name}  {path}")
    if as_json:
        click.echo(json.encode({"schema": 1, "locks": written}))
    return 0


@command.command(name="save")
@name
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@options.base
@options.catalog
def save_command(name: str, file: Path, base: str, catalog: Path | None) -> int:
    """Write a built image to FILE, for a machine or a job that does not build it."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.errors import ImageError
    from keras_matrix.images import build
    from keras_matrix.images.key import tag
    from keras_matrix.plan.images import BasePolicy

    loaded = _load(catalog)
    image = loaded.get(name)
    with Engine.connect() as engine:
        built = build.built(engine, loaded, image, BasePolicy(base))
        try:
            engine.save(tag(image, built.key, built.base), file)
        except OSError as error:
            raise ImageError(f"Cannot write {file} ({error.strerror}); check the path.") from error
    return 0


@command.command(name="load")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load_command(file: Path) -> int:
    """Load the images in FILE, which 'images save' wrote, into the container engine."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.errors import ImageError
    from keras_matrix.images import archive

    with Engine.connect() as engine:
        try:
            for tag in archive.load(engine, file):
                click.echo(f"loaded {tag}")
        except OSError as error:
            raise ImageError(f"Cannot read {file} ({error.strerror}); check the path.") from error
    return 0


command.add_command(images_contents.sbom_command)
command.add_command(images_contents.advisories_command)
