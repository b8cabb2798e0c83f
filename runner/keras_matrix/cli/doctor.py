"""``keras-matrix doctor``."""

from pathlib import Path

import click

from keras_matrix.cli import options


@click.command(name="doctor")
@click.option("--on", default=None, metavar="IMAGE,...", help="Check only these images.")
@options.base
@options.catalog
@options.json
def command(on: str | None, base: str, catalog: Path | None, as_json: bool) -> int:
    """Check what a run needs on this machine, and name the command for what is missing."""
    from keras_matrix.errors import ExitCode
    from keras_matrix.load import catalog as catalogs
    from keras_matrix.load import options as parse
    from keras_matrix.plan.images import BasePolicy
    from keras_matrix.report import json
    from keras_matrix.run import doctor

    loaded = catalogs.load(options.catalog_root(catalog))
    checks = doctor.examine(loaded, loaded.select(parse.parse_list(on)), BasePolicy(base))
    if as_json:
        click.echo(json.encode({"schema": 1, "checks": checks}))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            mark = ("weak" if check.remedy else "ok") if check.ok else "MISSING"
            click.echo(f"{mark:7}  {check.name:{width}}  {check.found}")
            if check.remedy:
                click.echo(f"         {'':{width}}  -> {check.remedy}")
    if not checks[0].ok:
        return int(ExitCode.NO_ENGINE)
    return int(ExitCode.AGREE if all(check.ok for check in checks) else ExitCode.IMAGE)
