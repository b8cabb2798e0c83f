"""``keras-matrix diff``."""

from pathlib import Path

import click

from runner.cli import options


@click.command(name="diff")
@click.argument("run")
@click.argument("other", required=False)
@click.option(
    "--tolerances",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Tolerance file that goes before the run's own.",
)
@options.tolerance
@options.results
@options.output_format
@options.json
def command(
    run: str,
    other: str | None,
    tolerances: Path | None,
    tolerance_texts: tuple[str, ...],
    results: Path,
    output: str,
    as_json: bool,
) -> int:
    """Compare the images of RUN, or RUN with OTHER image by image. Needs no engine."""
    import gc

    from runner import assess, store, tolerance
    from runner.cli.show import chosen_format, show

    # All that is read is kept to the end: to look for garbage in it takes a third of the time.
    gc.disable()
    rules = tolerance.parse(tolerance_texts)
    if tolerances is not None:
        rules += tolerance.load(tolerances)
    found = store.find(results, run)
    if other is None:
        comparison = assess.compare_run(found, rules)
    else:
        comparison = assess.compare_two(found, store.find(results, other), rules)
    show(comparison, chosen_format(output, as_json))
    return int(assess.exit_code(comparison))
