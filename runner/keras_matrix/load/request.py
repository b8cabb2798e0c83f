"""From options as people write them, on the command line or in a test, to a request to run."""

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keras_matrix.plan.cells import Caps, Init, Isolation, Limits, RunKind
from keras_matrix.plan.images import BasePolicy
from keras_matrix.plan.settings import Floatx, ImageDataFormat, KerasSettings, cross_settings

if TYPE_CHECKING:
    from keras_matrix.load.suites import SuiteTarget


Choice = TypeVar("Choice", bound=Enum)

LARGEST = 10**9
"""No number that is counted in is more."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a user may say of a run, as texts where those are parsed, with its defaults.

    ``tests`` is there if tests are run instead of a script; ``command`` is what was typed.
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
    formats: str = "channels_last"
    epsilon: str = "1e-7"
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
    """What the user asked for; ``again`` runs cells of this very run again that ended well.

    ``resume`` goes on with a run that was begun before, whatever has become of its files.
    ``tests`` are run instead of the script ``target``, if there are any; ``kind`` says so, too.
    """

    target: Path
    on: tuple[str, ...]
    only: tuple[str, ...]
    arguments: tuple[str, ...]
    settings: tuple[KerasSettings, ...]
    seeds: tuple[int, ...]
    limits: Limits
    caps: Caps
    repeats: int
    schedule_seed: int
    init: Init
    isolation: Isolation
    runtime: str
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


def make(given: RunOptions) -> RunRequest:
    """Turn options into a request.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load import options as parse

    if not (0 < given.timeout < math.inf and 0 < given.cpus < math.inf and given.pids > 0):
        raise ConfigurationError("--timeout, --cpus and --pids must be numbers more than 0.")
    _check_sizes(given)
    _check_texts(given)
    init = _one("--init", given.init, Init)
    seeded = given.deterministic or init is Init.PAIRED
    return RunRequest(
        target=given.script,
        kind=RunKind.RUN if given.tests is None else RunKind.TESTS,
        tests=given.tests,
        on=parse.parse_list(given.on),
        only=parse.parse_list(given.only),
        arguments=given.arguments,
        settings=cross_settings(
            parse.parse_choices("--floatx", given.floatx, Floatx),
            parse.parse_choices("--image-data-format", given.formats, ImageDataFormat),
            parse.parse_floats("--epsilon", given.epsilon),
        ),
        seeds=parse.parse_seeds(given.seeds) or ((0,) if seeded else ()),
        limits=Limits(
            memory=parse.parse_size("--memory", given.memory),
            scratch=parse.parse_size("--scratch", given.scratch),
            cpus=given.cpus,
            pids=given.pids,
            timeout=given.timeout,
            threads=1 if given.deterministic else max(1, round(given.cpus)),
        ),
        caps=Caps(epochs=given.epochs_cap, steps=given.steps_cap),
        repeats=given.repeats,
        schedule_seed=given.schedule_seed,
        init=init,
        isolation=_one("--isolation", given.isolation, Isolation),
        runtime=given.runtime,
        jobs=given.jobs,
        fresh=given.fresh,
        resume=given.resume,
        data=given.data,
        results=given.results,
        run=given.run_name,
        base=_one("--base", given.base, BasePolicy),
        catalog=given.catalog,
        tolerances=given.tolerances,
        # Only shown: what is not UTF-8 in it is spelled.
        command=tuple(one.encode(errors="backslashreplace").decode() for one in given.command),
    )


def _check_sizes(given: RunOptions) -> None:
    """Check that numbers are such that they can be recorded, and counted in."""
    from keras_matrix.errors import ConfigurationError

    for option, number, most in (
        ("--timeout", given.timeout, LARGEST),
        ("--cpus", given.cpus, LARGEST),
        ("--pids", given.pids, LARGEST),
        ("--repeat", given.repeats, LARGEST),
        ("--jobs", given.jobs, LARGEST),
        ("--epochs-cap", given.epochs_cap, LARGEST),
        ("--steps-cap", given.steps_cap, LARGEST),
        ("--schedule-seed", given.schedule_seed, LARGEST_SEED),
    ):
        if number is not None and abs(number) > most:
            raise ConfigurationError(f"{option} is beyond {most}; give less.")


def _check_texts(given: RunOptions) -> None:
    """Check that what the engine and the records are told is text, as both know no other."""
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.text import brief, is_utf8

    named = [given.script, given.results, given.data, given.run_name, *given.arguments]
    for text in (str(one) for one in named if one is not None):
        if "\0" in text or not is_utf8(text):
            raise ConfigurationError(f"{brief(ascii(text))} is not UTF-8 text; write it otherwise.")


def _one(option: str, text: str, kind: type[Choice]) -> Choice:
    from keras_matrix.errors import ConfigurationError
    from keras_matrix.load.options import parse_choices

    found = parse_choices(option, text, kind)
    if len(found) != 1:
        raise ConfigurationError(f"{option} {text!r} is more than one value; give one.")
    return found[0]
