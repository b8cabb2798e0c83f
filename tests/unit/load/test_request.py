from pathlib import Path
from typing import Any

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.request import RunOptions, RunRequest, make
from keras_matrix.plan.cells import Init, Isolation, Limits
from keras_matrix.plan.images import BasePolicy
from keras_matrix.plan.settings import KerasSettings


def request(**given: Any) -> RunRequest:
    places: dict[str, Any] = {"catalog": Path("docker"), "results": Path("results")}
    return make(RunOptions(script=Path("model.py"), command=("x",), **places, **given))


def test_the_defaults_are_those_of_a_plan() -> None:
    parsed = request()
    assert (parsed.plan.limits, parsed.plan.settings) == (Limits(), (KerasSettings(),))
    assert (parsed.plan.init, parsed.plan.isolation, parsed.base) == (
        *(Init.OWN, Isolation.PROCESS),
        BasePolicy.AUTO,
    )
    assert (parsed.on, parsed.only, parsed.plan.seeds, parsed.plan.arguments) == ((), (), (), ())
    assert parsed.tests is None
    assert not parsed.again


def test_texts_are_parsed() -> None:
    parsed = request(on="tf, theano", seeds="1..3", memory="1.5g", floatx="float32,float64")
    assert (parsed.on, parsed.plan.seeds) == (("tf", "theano"), (1, 2, 3))
    assert parsed.plan.limits.memory == 3 * 2**29
    assert len(parsed.plan.settings) == 2


@pytest.mark.parametrize(
    ("given", "seeds", "threads"),
    [
        ({"cpus": 2.0}, (), 2),
        ({"cpus": 2.0, "deterministic": True}, (0,), 1),
        ({"init": "paired"}, (0,), 1),
        ({"init": "paired", "seeds": "7,8"}, (7, 8), 1),
    ],
)
def test_what_has_to_repeat_is_seeded(
    given: dict[str, Any], seeds: tuple[int, ...], threads: int
) -> None:
    parsed = request(**given)
    assert (parsed.plan.seeds, parsed.plan.limits.threads) == (seeds, threads)


@pytest.mark.parametrize(
    "given",
    [
        {"init": "both"},
        {"init": "own,paired"},
        {"isolation": ""},
        {"base": "somewhere"},
        {"timeout": 0.0},
        {"cpus": float("inf")},
        {"pids": -1},
        {"memory": "much"},
        {"seeds": "none"},
        {"floatx": "bfloat16"},
    ],
)
def test_a_wrong_option_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        request(**given)
    (name,) = given
    assert f"--{name}" in str(raised.value)
