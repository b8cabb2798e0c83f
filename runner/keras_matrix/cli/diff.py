"""``keras-matrix diff``."""

from pathlib import Path

import click

from keras_matrix.cli import against as earlier
from keras_matrix.cli import options


@click.command(name="diff")
@click.argument("run")
@click.argument("other", required=False)
@click.option(
    "--tolerances",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Tolerance file that takes precedence over the run's own.",
)
@options.judging
@options.results
@earlier.against
@options.history
@options.output_format
@options.reports
@options.json
def command(
    run: str,
    other: str | None,
    tolerances: Path | None,
    tolerance_texts: tuple[str, ...],
    question: str,
    margin: float | None,
    results: Path,
    against: str | None,
    history_file: Path | None,
    output: str,
    report_texts: tuple[str, ...],
    as_json: bool,
) -> int:
    """Compare the images of RUN, or RUN with OTHER image by image, from their records.

    A run is a folder, or its name below --results. Needs no container engine.
    """
    import gc

    from keras_matrix.cli.output import chosen_format, parse_targets, refuse_page, show
    from keras_matrix.compare import assess
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load import tolerances as tolerance
    from keras_matrix.records import folder, recorded

    # All that is read is used to the end: collecting garbage would take a third of the time.
    gc.disable()
    rules = tolerance.given(tolerance_texts, question, margin)
    targets = parse_targets(report_texts)
    if tolerances is not None:
        rules = rules.then(tolerance.load(tolerances))
    runs = [recorded.read(folder.find(results, run))]
    if against is not None:
        if other is not None:
            raise ConfigurationError("Give OTHER or --against, not both.")
        own = assess.compare_run(runs[0], rules)
        _, changes = earlier.judge(against, runs[0], own, rules, results=results, file=history_file)
        comparison, code = earlier.of_two_runs(changes, own)
        show(comparison, chosen_format(output, as_json), targets, runs, own)
        return int(code)
    alone = None
    if other is None:
        comparison = alone = assess.compare_run(runs[0], rules)
    else:
        refuse_page(targets)
        runs.append(recorded.read(folder.find(results, other)))
        comparison = assess.compare_two(runs[0], runs[1], rules)
        assess.require_judged(comparison, runs[0], runs[1])
    show(comparison, chosen_format(output, as_json), targets, runs, alone)
    return int(assess.exit_code(comparison))
