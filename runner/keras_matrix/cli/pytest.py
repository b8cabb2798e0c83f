"""``keras-matrix pytest``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import options
from keras_matrix.cli.cell_options import suite_options
from keras_matrix.cli.execute import make_request
from keras_matrix.cli.options import Format

if TYPE_CHECKING:
    from keras_matrix.compare.suites import SuiteComparison
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.run.session import RunResult

NO_ADDOPTS = ("-o", "addopts=")
FORMATS = (Format.TABLE, Format.MARKDOWN, Format.JSON)


@click.command(name="pytest")
@click.argument("path")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST_ARGUMENTS]...")
@suite_options
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder that contains everything the tests need.  [default: pytest's root folder]",
)
@click.option(
    "--addopts",
    "keep_addopts",
    is_flag=True,
    help="Use the addopts of the suite's own configuration.",
)
@click.option(
    "--only", default=None, metavar="IMAGE,...", help="Run only these images of --on now."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=None,
    metavar="N",
    help="Seed that is set before the tests.",
)
@click.option(
    "--fresh",
    is_flag=True,
    help="Run all cells; do not reuse results of earlier runs that still apply.",
)
@options.formats(FORMATS, "Format to print the comparison in.")
@options.json
@options.quiet
@options.verbose
def command(
    *,
    path: str,
    arguments: tuple[str, ...],
    root: Path | None,
    keep_addopts: bool,
    seed: int | None,
    output: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Run the tests of PATH in a container per image and compare the result of each test.

    PATH is a folder, a file, or one test (file.py::test). Put -- before the arguments for pytest.
    """
    from keras_matrix.cli import stages
    from keras_matrix.compare import assess
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load import catalog
    from keras_matrix.load.suites import SuiteTarget
    from keras_matrix.records import recorded
    from keras_matrix.report import suite as report
    from keras_matrix.report import table

    request = make_request(
        **cells,
        script=Path(path),
        tests=SuiteTarget(path, root),
        arguments=arguments if keep_addopts else (*NO_ADDOPTS, *arguments),
        seeds=None if seed is None else f"{seed}..{seed}",
    )
    if len(catalog.load(request.catalog).select(request.on)) < 2:
        raise ConfigurationError("Tests are compared between images; name two with --on.")
    if len(request.plan.settings) != 1:
        raise ConfigurationError("Tests are run with one keras.json; give each option one value.")

    def compare(result: "RunResult") -> "SuiteComparison":
        return assess.compare_suite(recorded.read(result.folder))

    def show(folder: "RunFolder", comparison: "SuiteComparison") -> int:
        chosen = Format.JSON if as_json else Format(output)
        if chosen is Format.JSON:
            click.echo(report.render_json(comparison))
        elif chosen is Format.MARKDOWN:
            click.echo(report.render_markdown(comparison), nl=False)
        else:
            report.show(comparison, table.console())
        return int(comparison.exit_code)

    own = stages.Stages(run=stages.run_cells, compare=compare, report=show)
    return stages.follow(request, own, quiet=quiet, verbose=verbose)
