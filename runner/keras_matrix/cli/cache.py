"""``keras-matrix cache``: what is kept between runs."""

from datetime import datetime

import click

from keras_matrix.cli import options


@click.group(name="cache")
def command() -> None:
    """List and clear what is kept between runs: compiled code, and the list of finished cells."""


@command.command(name="list")
@options.json
def list_kept(as_json: bool) -> int:
    """List the code that backends compiled, per script, and the image it was compiled on."""
    from keras_matrix.records import cache
    from keras_matrix.run.cell.compiled_code import CompiledStore
    from keras_matrix.text import brief

    kept = CompiledStore(cache.root() / cache.COMPILED).kept()
    if as_json:
        import json

        rows = [
            {
                "key": key,
                "script": index.about.script,
                "script_sha256": index.about.script_sha256,
                "image": index.about.image,
                "digest": index.about.digest,
                "entries": len(index.entries),
                "bytes": index.size,
                "kept": index.used,
            }
            for key, index in kept
        ]
        click.echo(json.dumps({"folder": str(cache.root()), "compiled": rows}, indent=1))
        return 0
    for key, index in kept:
        when = datetime.fromisoformat(index.used).astimezone().strftime("%Y-%m-%d %H:%M")
        size = f"{index.size / 2**20:.1f} MiB"
        about = brief(f"{index.about.script} on {index.about.image} ({index.about.digest[7:19]})")
        click.echo(f"{key[:12]}  {len(index.entries):4} modules  {size:>10}  {when}  {about}")
    total = sum(index.size for _, index in kept)
    click.echo(f"{len(kept)} scripts, {total / 2**20:.1f} MiB in {brief(str(cache.root()))}")
    return 0


@command.command(name="clear")
def clear() -> int:
    """Remove all that is kept: code is compiled again, and finished cells run again.

    What another keras-matrix is using is not removed; the exit code is then 2.
    """
    from keras_matrix.errors import StoreError
    from keras_matrix.records import cache
    from keras_matrix.run.cell.compiled_code import CompiledStore
    from keras_matrix.text import plural

    removed, left = CompiledStore(cache.root() / cache.COMPILED).clear()
    done = [f"the code that was compiled for {plural(removed, 'script')}"]
    in_use = [f"the code compiled for {plural(left, 'script')}"] if left else []
    if cache.clear_replicates():
        done.append("the list of finished cells")
    else:
        in_use.append("the list of finished cells")
    click.echo(f"removed {' and '.join(done)}")
    if in_use:
        raise StoreError(
            f"{' and '.join(in_use).capitalize()} was left, as another keras-matrix uses it; "
            "clear the cache again when that has ended."
        )
    return 0
