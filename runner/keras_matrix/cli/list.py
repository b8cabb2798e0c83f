"""``keras-matrix list``."""

from pathlib import Path

import click

from keras_matrix.cli import options


@click.command(name="list")
@click.option("--on", default=None, metavar="IMAGE,...", help="List only these images.")
@options.catalog
@options.json
def command(on: str | None, catalog: Path | None, as_json: bool) -> int:
    """List the images of the catalog; --json prints a strategy matrix for GitHub Actions."""
    from keras_matrix.images.key import content_key
    from keras_matrix.load import catalog as catalogs
    from keras_matrix.load import options as parse

    loaded = catalogs.load(options.catalog_root(catalog))
    images = loaded.select(parse.parse_list(on))
    if as_json:
        import json

        matrix = {
            "image": [image.name for image in images],
            "include": [
                {
                    "image": image.name,
                    "backend": image.backend,
                    "python": image.python,
                    "key": content_key(loaded, image),
                }
                for image in images
            ],
        }
        # On one line, since it is written to a job's output as it is.
        click.echo(json.dumps(matrix))
        return 0
    width = max(len(image.name) for image in images)
    for image in images:
        versions = ", ".join(f"{name} {version}" for name, version in image.expect.items())
        click.echo(f"{image.name:{width}}  {image.backend}, Python {image.python}: {versions}")
    return 0
