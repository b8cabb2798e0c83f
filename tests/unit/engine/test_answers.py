"""What an image is known by, and what a stream of the engine's tells."""

from typing import Any

import pytest

from keras_matrix.engine.answers import Input, content_digest
from keras_matrix.engine.faults import stream_error

CONFIG: dict[str, Any] = {"Env": ["A=1"], "Labels": {"a": "b"}, "User": "1:1", "Cmd": ["python"]}


@pytest.mark.parametrize(
    "more",
    [
        {"WorkingDir": "/"},
        {"WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Volumes": None},
        {"Entrypoint": [], "Hostname": "0123", "Image": "sha256:0"},
    ],
)
def test_what_engines_add_does_not_change_the_content(more: dict[str, Any]) -> None:
    assert content_digest(["sha256:1"], CONFIG) == content_digest(["sha256:1"], CONFIG | more)


@pytest.mark.parametrize(
    ("layers", "more"),
    [
        (["sha256:2"], {}),
        (["sha256:1", "sha256:2"], {}),
        (["sha256:1"], {"Env": ["A=2"]}),
        (["sha256:1"], {"Labels": {"a": "c"}}),
        (["sha256:1"], {"WorkingDir": "/lock"}),
    ],
)
def test_another_content(layers: list[str], more: dict[str, Any]) -> None:
    assert content_digest(layers, CONFIG | more) != content_digest(["sha256:1"], CONFIG)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"stream": "Step 1/3"}, ""),
        ({"status": "Pulling", "progressDetail": {}}, ""),
        ({"error": "no\n", "errorDetail": {"message": "no"}}, "no"),
        ({"errorDetail": {"code": 1, "message": "returned a non-zero code: 1"}}, "returned a"),
        ({"error": "no"}, "no"),
        ({"errorDetail": None, "error": None}, ""),
    ],
)
def test_the_error_in_a_stream(event: dict[str, Any], problem: str) -> None:
    """Docker 29 deprecates ``error``; engines before it may leave ``errorDetail`` out."""
    found = stream_error(event)
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


def test_an_answer_is_closed_before_the_socket_below_it() -> None:
    """Python 3.13 prints an error when it flushes an answer whose socket is closed."""
    closed = []

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    class Stream(Part):
        _sock = Part("socket")
        _response = Part("answer")

    Input(Stream("stream")).close()
    assert closed == ["answer", "stream", "socket"]
