"""The generation of Keras decides what the probe can do."""

from types import SimpleNamespace
from typing import cast

import pytest

from keras_matrix_probe import generations
from keras_matrix_probe.events import EventStream
from keras_matrix_probe.keras2.generation import Keras2
from keras_matrix_probe.keras3.generation import Keras3


def generation(version: str) -> Keras2:
    return generations.of(SimpleNamespace(__version__=version), cast("EventStream", None))


@pytest.mark.parametrize("version", ["2.2.4", "2.3.1"])
def test_all_is_supported_where_the_probe_is_written_for_it(version: str) -> None:
    assert generation(version).unsupported(pairs=True, traces=True) == ""


@pytest.mark.parametrize(
    ("pairs", "traces", "request_"),
    [
        (True, False, "pair first weights"),
        (False, True, "trace"),
        (True, True, "pair first weights and trace"),
    ],
)
@pytest.mark.parametrize("version", ["2.1.6", "2.13.1"])
def test_what_is_not_is_said_in_one_sentence(
    version: str, pairs: bool, traces: bool, request_: str
) -> None:
    text = generation(version).unsupported(pairs=pairs, traces=traces)
    assert text.startswith(f"keras-matrix can {request_} under Keras 2.2 and 2.3 only")
    assert f"this is Keras {version};" in text


@pytest.mark.parametrize("version", ["3.4.1", "3.15.1"])
def test_keras_3_pairs_and_says_that_it_does_not_trace(version: str) -> None:
    chosen = generation(version)
    assert isinstance(chosen, Keras3)
    assert chosen.unsupported(pairs=True, traces=False) == ""
    text = chosen.unsupported(pairs=True, traces=True)
    assert text.startswith("keras-matrix can trace under Keras 2.2 and 2.3 only")
    assert f"this is Keras {version};" in text


def test_without_requests_every_keras_will_do() -> None:
    assert generation("3.11.2").unsupported(pairs=False, traces=False) == ""
