"""Options of a run, from the command line or from a test, and the request that they make."""

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keras_matrix.plan.cells import Caps, Init, Isolation, Limits, RunKind
from keras_matrix.plan.images import BasePolicy
from keras_matrix.plan.schedule import PlanRequest
from keras_matrix.plan.settings import Floatx, ImageDataFormat, cross_settings

if TYPE_CHECKING:
    from keras_matrix.load.suites import SuiteTarget


Choice = TypeVar("Choice", bound=Enum)

MAX_NUMBER = 10**9
"""The largest count, number of seconds or number of CPUs that an option can have."""
MAX_SCHEDULE_SEED = 2**63 - 1
"""The largest number that a record can hold."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run with their defaults; texts where they are still to be parsed.

    With ``tests``, tests are run instead of the script; ``command`` is what the user typed.
    """

    script: Path
    catalog: Path
    results: Path
    command: tuple[str, ...]
    tests: "SuiteTarget | None" = None
    arguments: tuple[str, ...] = ()
    on: str | None = None
    only: str | None = None
    run_name: str | None = None
    seeds: str | None = None
    floatx: str = "float32"
    image_data_format: str = "channels_last"
    epsilon: str | float = "1e-7"
    timeout: float = 1800.0
    memory: str = "4g"
    scratch: str = "2g"
    cpus: float = 1.0
    pids: int = 256
    repeats: int = 1
    deterministic: bool = False
    schedule_seed: int = 0
    init: str = "own"
    jobs: int | None = None
    isolation: str = "process"
    runtime: str = ""
    fresh: bool = False
    resume: bool = False
    epochs_cap: int | None = None
    steps_cap: int | None = None
    data: Path | None = None
    tolerances: Path | None = None
    base: str = "auto"


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A run that a user requests: what to plan, and where and how to run it.

    ``target`` is the script; if there are ``tests``, they are run instead, and ``kind`` says so,
    too. ``on`` names the images, ``only`` those of this part of the run. ``fresh`` reuses no result
    of other runs, ``again`` runs also the cells of this very run that have ended well. ``resume``
    continues a run, whatever has become of its files.
    """

    target: Path
    on: tuple[str, ...]
    only: tuple[str, ...]
    plan: PlanRequest
    jobs: int | None
    fresh: bool
    data: Path | None
    results: Path
    run: str | None
    base: BasePolicy
    catalog: Path
    tolerances: Path | None
    command: tuple[str, ...]
    kind: RunKind = RunKind.RUN
    again: bool = False
    resume: bool = False
    tests: "SuiteTarget | None" = None


def make(options: RunOptions) -> RunRequest:
    """Parse and check options, and return the request that they make.

    Raises:
        ConfigurationError: an option is wrong.
    """
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load.options import (
        parse_choices,
        parse_floats,
        parse_list,
        parse_seeds,
        parse_size,
    )

    for name in ("timeout", "cpus", "pids"):
        value = getattr(options, name)
        if not 0 < value < math.inf:
            raise ConfigurationError(f"--{name} {value:g} is not a number greater than 0.")
    _check_sizes(options)
    _check_texts(options)
    init = _single("--init", options.init, Init)
    seeded = options.deterministic or init is Init.PAIRED
    layouts = parse_choices("--image-data-format", options.image_data_format, ImageDataFormat)
    plan = PlanRequest(
        arguments=options.arguments,
        settings=cross_settings(
            parse_choices("--floatx", options.floatx, Floatx),
            layouts,
            parse_floats("--epsilon", str(options.epsilon)),
        ),
        seeds=parse_seeds(options.seeds) or ((0,) if seeded else ()),
        limits=Limits(
            memory=parse_size("--memory", options.memory),
            scratch=parse_size("--scratch", options.scratch),
            cpus=options.cpus,
            pids=options.pids,
            timeout=options.timeout,
            threads=1 if options.deterministic else max(1, round(options.cpus)),
        ),
        caps=Caps(epochs=options.epochs_cap, steps=options.steps_cap),
        repeats=options.repeats,
        schedule_seed=options.schedule_seed,
        init=init,
        isolation=_single("--isolation", options.isolation, Isolation),
        runtime=options.runtime,
    )
    return RunRequest(
        target=options.script,
        kind=RunKind.RUN if options.tests is None else RunKind.TESTS,
        tests=options.tests,
        on=parse_list(options.on),
        only=parse_list(options.only),
        plan=plan,
        jobs=options.jobs,
        fresh=options.fresh,
        resume=options.resume,
        data=options.data,
        results=options.results,
        run=options.run_name,
        base=_single("--base", options.base, BasePolicy),
        catalog=options.catalog,
        tolerances=options.tolerances,
        # Only shown, so what is not UTF-8 in it can be escaped.
        command=tuple(word.encode(errors="backslashreplace").decode() for word in options.command),
    )


def _check_sizes(options: RunOptions) -> None:
    """Check that numbers are of a size that records and calculations can hold."""
    from keras_matrix.errors import ConfigurationError

    for name, number, limit in (
        ("--timeout", options.timeout, MAX_NUMBER),
        ("--cpus", options.cpus, MAX_NUMBER),
        ("--pids", options.pids, MAX_NUMBER),
        ("--repeat", options.repeats, MAX_NUMBER),
        ("--jobs", options.jobs, MAX_NUMBER),
        ("--epochs-cap", options.epochs_cap, MAX_NUMBER),
        ("--steps-cap", options.steps_cap, MAX_NUMBER),
        ("--schedule-seed", options.schedule_seed, MAX_SCHEDULE_SEED),
    ):
        if number is not None and abs(number) > limit:
            raise ConfigurationError(f"{name} is larger than {limit}; choose a smaller number.")


def _check_texts(options: RunOptions) -> None:
    """Check that what goes to the engine and into records is UTF-8: they take nothing else."""
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.text import brief, is_utf8

    values = [options.script, options.results, options.data, options.run_name, *options.arguments]
    for text in (str(value) for value in values if value is not None):
        if "\0" in text or not is_utf8(text):
            raise ConfigurationError(
                f"{brief(ascii(text))} is not UTF-8 text; use another name or argument."
            )


def _single(option: str, text: str, kind: type[Choice]) -> Choice:
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load.options import parse_choices

    choices = parse_choices(option, text, kind)
    if len(choices) != 1:
        raise ConfigurationError(f"{option} {text!r} is more than one value; name one.")
    return choices[0]
