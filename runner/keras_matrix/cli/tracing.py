"""What ``trace`` and ``reduce`` share: their options, and the request of a trace's cells."""

from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli.execute import make_request

if TYPE_CHECKING:
    from keras_matrix.load.request import RunRequest
    from keras_matrix.trace.rounding import Allowance

seed = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the initial weights.",
)
atol = click.option(
    "--atol",
    type=float,
    default=None,
    metavar="NUMBER",
    help="Absolute difference to allow, instead of the effect of rounding.",
)
rtol = click.option(
    "--rtol",
    type=float,
    default=None,
    metavar="NUMBER",
    help="The same, as a share of the largest number.",
)


def allowance(atol: float | None, rtol: float | None) -> "Allowance":
    """Return what ``--atol`` and ``--rtol`` allow.

    Raises:
        ConfigurationError: one of them is negative or not finite.
    """
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.trace.rounding import Allowance

    for name, value in (("--atol", atol), ("--rtol", rtol)):
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigurationError(f"{name} {value} is not a number from 0 up.")
    return Allowance(atol, rtol)


def trace_request(cells: dict[str, Any], seed: int) -> "RunRequest":
    """Return the request of a trace, from the options of its cells.

    Raises:
        ConfigurationError: there are several keras.json, or fewer than two images.
    """
    from dataclasses import replace

    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load import catalog
    from keras_matrix.plan.cells import RunKind
    from keras_matrix.trace.rounds import CELLS_PER_IMAGE

    own = dict(cells, only=None, seeds=f"{seed}..{seed}", repeats=CELLS_PER_IMAGE, init="paired")
    own.update(isolation="process", fresh=True, schedule_seed=0, tolerances=None)
    request = replace(make_request(**own, deterministic=True), kind=RunKind.TRACE, again=True)
    if len(request.plan.settings) != 1:
        raise ConfigurationError("A trace is made with one keras.json; give each option one value.")
    if len(catalog.load(request.catalog).select(request.on)) < 2:
        raise ConfigurationError("A trace compares images; name at least two with --on.")
    return request
