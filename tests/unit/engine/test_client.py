"""Connections to the engine are closed again, whatever becomes of a command."""

from pathlib import Path

import docker
import docker.errors
import pytest

from keras_matrix.engine.client import Engine
from keras_matrix.errors import EngineError, ExitCode
from tests.unit.cli.builders import run_cli
from tests.unit.images.builders import TAG, write_archive


class Client:
    """A connection to an engine that answers a ping, and refuses all else."""

    opened: "list[Client]"
    answers_ping = True

    def __init__(self, **_: object) -> None:
        self.closed = 0
        self.opened.append(self)

    def ping(self) -> None:
        if not self.answers_ping:
            raise docker.errors.APIError("no")

    def close(self) -> None:
        self.closed += 1

    @property
    def api(self) -> object:
        raise docker.errors.APIError("the engine is on strike")

    info = api


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Client]:
    Client.opened = []
    monkeypatch.setattr(docker, "DockerClient", Client)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_archive(tmp_path / "tf.tar", [TAG])
    return Client.opened


@pytest.mark.parametrize(
    "command",
    [
        ("doctor",),
        ("images", "build"),
        ("images", "list"),
        ("images", "verify"),
        ("images", "lock", "tf"),
        ("images", "save", "tf", "tf.tar"),
        ("images", "load", "tf.tar"),
        ("images", "sbom", "tf"),
    ],
)
def test_a_command_closes_its_connection(
    command: tuple[str, ...], clients: list[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(*command) == ExitCode.NO_ENGINE
    assert "on strike" in capsys.readouterr().err
    assert [client.closed for client in clients] == [1]


def test_a_connection_without_an_answer_is_closed(
    clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "answers_ping", False)
    with pytest.raises(EngineError):
        Engine.connect()
    assert [client.closed for client in clients] == [1]
