"""``keras-matrix images sbom`` and ``keras-matrix images advisories``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_matrix.cli import options

if TYPE_CHECKING:
    from keras_matrix.images.advisories import Advisories, Checked
    from keras_matrix.load.catalog import Catalog

API = "https://api.osv.dev"


@click.command(name="sbom")
@click.argument("name", metavar="IMAGE")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write to.  [default: stdout]",
)
@options.base
@options.catalog
def sbom_command(name: str, output: Path | None, base: str, catalog: Path | None) -> int:
    """Print a bill of materials of a built image, as CycloneDX JSON."""
    from keras_matrix.engine.client import Engine
    from keras_matrix.images import build, contents, sbom
    from keras_matrix.load import catalog as catalogs
    from keras_matrix.plan.images import BasePolicy
    from keras_matrix.records import files

    images = catalogs.load(options.catalog_root(catalog))
    image = images.get(name)
    sbom.check_installed()
    with Engine.connect() as engine:
        built = build.built(engine, images, image, BasePolicy(base))
        inside = contents.contents(engine, built)
    bill = sbom.render(built, inside, contents.locked_hashes(images.folder(image)))
    if output is None:
        click.echo(bill, nl=False)
    else:
        files.write_atomically(output, bill.encode())
    return 0


@click.command(name="advisories")
@click.argument("names", nargs=-1, metavar="[IMAGE]...")
@click.option(
    "--refresh", is_flag=True, help="Query OSV first, and rewrite the file of the catalog."
)
@click.option(
    "--from",
    "source",
    default=API,
    show_default=True,
    metavar="URL|DIRECTORY",
    help="What --refresh queries: an API like that of OSV, or a folder of its records.",
)
@click.option("--fail", is_flag=True, help="Exit with 6 if there is an advisory.")
@options.catalog
@options.json
def advisories_command(
    names: tuple[str, ...],
    refresh: bool,
    source: str,
    fail: bool,
    catalog: Path | None,
    as_json: bool,
) -> int:
    """List the advisories that affect what the locks of images pin, by default of all images."""
    from keras_matrix.errors import ExitCode
    from keras_matrix.images import advisories, osv
    from keras_matrix.images.verify import locked_versions
    from keras_matrix.load import catalog as catalogs
    from keras_matrix.records import files
    from keras_matrix.report import json

    images = catalogs.load(options.catalog_root(catalog))
    if refresh:
        database = osv.refresh(sorted(_pinned(images)), source)
        files.write_atomically(
            images.root / advisories.ADVISORIES_FILE, advisories.render(database)
        )
    database = advisories.load(images.root)
    checked = {
        image.name: advisories.check(locked_versions(images.folder(image)), database)
        for image in images.select(names)
    }
    if as_json:
        entries = {
            name: {
                "advisories": [
                    {
                        "id": hit.advisory.id,
                        "aliases": hit.advisory.aliases,
                        "package": hit.advisory.package,
                        "version": hit.version,
                        "mended": hit.mended,
                        "severity": hit.advisory.severity or None,
                        "url": hit.url,
                    }
                    for hit in result.hits
                ],
                "unknown": result.unknown,
            }
            for name, result in checked.items()
        }
        head = {"schema": 1, "source": database.source, "as_of": database.as_of}
        click.echo(json.encode({**head, "images": entries}))
    else:
        _print(checked, database)
    return int(ExitCode.IMAGE if fail and any(result.hits for result in checked.values()) else 0)


def _pinned(catalog: "Catalog") -> set[str]:
    from keras_matrix.images.verify import locked_versions

    return {name for image in catalog.images for name in locked_versions(catalog.folder(image))}


def _print(checked: "dict[str, Checked]", database: "Advisories") -> None:
    from keras_matrix.images import advisories
    from keras_matrix.text import plural

    for name, result in checked.items():
        count = plural(len(result.hits), "advisory", "advisories")
        click.echo(f"{name}: {count} as of {database.as_of} ({database.source})")
        for line in advisories.summary(result):
            click.echo(f"  {line}")
        if result.unknown:
            unknown = ", ".join(result.unknown)
            click.echo(f"  no advisory database was queried for {unknown}: repeat with --refresh")
