"""A socket in front of the engine's that passes requests on, except where a test wants a fault.

A connection carries one request: the engine is asked to close it, which marks the end of an answer.
A stream attached to a container is passed on both ways until one side closes.
"""

import contextlib
import functools
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

ENGINE_SOCKET = "/var/run/docker.sock"
BUFFER_BYTES = 65536
HEAD_END = b"\r\n\r\n"
GARBAGE = b"\xff\xfe{no JSON at all"
PING, CREATE, INSPECT = (
    r"GET .*/_ping",
    r"POST .*/containers/create",
    r"GET .*/containers/[^/]+/json",
)
ATTACH, START, LOGS = r"POST .*/attach", r"POST .*/start", r"GET .*/logs"
KILL, REMOVE, LIST = r"POST .*/kill", r"DELETE .*/containers/[^/]+", r"GET .*/containers/json"
ANY = r".*"


class FaultKind(Enum):
    """What happens to a request.

    CUT closes the connection once the engine has the request, CUT_ANSWER in the middle of the
    answer. AWAY is an engine that cannot be reached for a while, STALLED one that from then on
    accepts requests and never answers.
    """

    DELAY = "delay"
    HANG = "hang"
    CUT = "cut"
    CUT_ANSWER = "cut answer"
    GARBLED = "garbled"
    EMPTY = "empty"
    ERROR = "error"
    AWAY = "away"
    STALLED = "stalled"


@dataclass(frozen=True)
class Fault:
    """What happens at the ``nth`` request that matches ``at`` (method and path); 0 is each one."""

    kind: FaultKind
    at: str
    nth: int = 1
    seconds: float = 0.0


class Proxy:
    """An engine's socket with faults.

    ``fault_met`` is set once a fault has happened, ``heal`` ends those that hang; ``happened`` are
    the faults so far.
    """

    def __init__(self, *faults: Fault, engine: str = ENGINE_SOCKET) -> None:
        self._faults = faults
        self._engine = engine
        self._folder = Path(tempfile.mkdtemp(prefix="proxy-"))
        self._path = self._folder / "socket"
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(faults, 0)
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._stalled = False
        self._ended = threading.Event()
        self.fault_met = threading.Event()
        self.heal = threading.Event()
        self.happened: set[Fault] = set()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command that uses this socket."""
        return {"DOCKER_HOST": f"unix://{self._path}"}

    def __enter__(self) -> "Proxy":
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._close()
        shutil.rmtree(self._folder)

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(64)
        self._listener = listener
        self._thread(lambda: self._accept(listener))

    def _close(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            connections, self._open = self._open, set()
        if listener is not None:
            self._path.unlink()
            _shut(listener)
        for connection in connections:
            _shut(connection)

    def _close_for(self, seconds: float) -> None:
        self._close()
        self.fault_met.set()

        def come_back() -> None:
            if not self._ended.wait(seconds):
                self._listen()

        self._thread(come_back)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with self._lock:
                    self._open.add(connection)
                self._thread(functools.partial(self._serve, connection))

    @staticmethod
    def _thread(work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(client):
            head, body = _read(client)
            if head:
                method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
                self._answer(client, f"{method} {path}", head, body)
        with self._lock:
            self._open.discard(client)

    def _next_fault(self, request: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if re.fullmatch(fault.at, request.partition("?")[0]):
                    self._counts[fault] += 1
                    if fault.nth in (0, self._counts[fault]):
                        self.happened.add(fault)
                        return fault
        return None

    def _answer(self, client: socket.socket, request: str, head: bytes, body: bytes) -> None:
        fault = self._next_fault(request)
        kind = fault.kind if fault is not None else None
        if kind is FaultKind.STALLED:
            self._stalled = True
        if self._stalled or kind is FaultKind.HANG:
            self.fault_met.set()
            self._wait_for_end()
            return
        if fault is not None and kind is FaultKind.AWAY:
            self._close_for(fault.seconds)
            return
        if fault is not None and kind is FaultKind.DELAY:
            self._ended.wait(fault.seconds)
        if kind is FaultKind.ERROR:
            client.sendall(_response(b'{"message":"a fault of the test"}', "500 Server Error"))
        else:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as engine:
                engine.connect(self._engine)
                engine.sendall(_with_close(head) + body)
                self._pass_on(client, engine, kind)
        if fault is not None:
            self.fault_met.set()

    def _pass_on(
        self, client: socket.socket, engine: socket.socket, kind: FaultKind | None
    ) -> None:
        if kind is FaultKind.CUT:
            # The engine has the request before it notices that the client is gone.
            engine.recv(1)
        elif kind in (FaultKind.CUT_ANSWER, FaultKind.GARBLED, FaultKind.EMPTY):
            answer = b"".join(iter(lambda: engine.recv(BUFFER_BYTES), b""))
            head, _, body = answer.partition(HEAD_END)
            if kind is FaultKind.CUT_ANSWER:
                client.sendall(head + HEAD_END + body[: len(body) // 2])
            else:
                client.sendall(_response(GARBAGE if kind is FaultKind.GARBLED else b"{}", "200 OK"))
        else:
            self._thread(lambda: _copy(client, engine))
            _copy(engine, client)

    def _wait_for_end(self) -> None:
        while not self._ended.is_set() and not self.heal.is_set():
            time.sleep(0.02)


def _read(client: socket.socket) -> tuple[bytes, bytes]:
    """Return a request's head and body; without a length, the part of the body that has arrived."""
    content = b""
    while HEAD_END not in content:
        more = client.recv(BUFFER_BYTES)
        if not more:
            return b"", b""
        content += more
    head, _, body = content.partition(HEAD_END)
    length = re.search(rb"(?im)^Content-Length: *(\d+)", head)
    while length is not None and len(body) < int(length[1]) and (more := client.recv(BUFFER_BYTES)):
        body += more
    return head + HEAD_END, body


def _with_close(head: bytes) -> bytes:
    """Request that the connection is closed after the answer, unless the protocol is upgraded."""
    if re.search(rb"(?im)^Upgrade:", head):
        return head
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


def _response(body: bytes, status: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(BUFFER_BYTES):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
