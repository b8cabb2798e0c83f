"""A socket in front of the engine's, which answers like the engine but for what a test wants.

One connection takes one request: the engine is told to close it, so that an answer ends with it.
What is attached to a container is passed on both ways until one side closes.
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

ENGINE = "/var/run/docker.sock"
BUFFER = 65536
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


class Kind(Enum):
    """What happens to a request.

    CUT closes the connection once the engine has the request, CUT_ANSWER in the middle of its
    answer. AWAY is an engine that is gone for a while, STALLED one that takes requests from then
    on and never answers.
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
    """What happens at the ``nth`` request that matches ``at`` (method and path); 0: at each."""

    kind: Kind
    at: str
    nth: int = 1
    seconds: float = 0.0


class Proxy:
    """An engine's socket with faults; ``met`` is set once one of them has happened."""

    def __init__(self, *faults: Fault, engine: str = ENGINE) -> None:
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
        self.met = threading.Event()
        self.heal = threading.Event()
        self.happened: set[Fault] = set()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client come here."""
        return {"DOCKER_HOST": f"unix://{self._path}"}

    def __enter__(self) -> "Proxy":
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._leave()
        shutil.rmtree(self._folder)

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen(64)
        self._listener = listener
        self._thread(lambda: self._accept(listener))

    def _leave(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            connections, self._open = self._open, set()
        if listener is not None:
            self._path.unlink()
            _shut(listener)
        for connection in connections:
            _shut(connection)

    def _away(self, seconds: float) -> None:
        self._leave()
        self.met.set()

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

    def _chosen(self, request: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if re.fullmatch(fault.at, request.partition("?")[0]):
                    self._counts[fault] += 1
                    if fault.nth in (0, self._counts[fault]):
                        self.happened.add(fault)
                        return fault
        return None

    def _answer(self, client: socket.socket, request: str, head: bytes, body: bytes) -> None:
        fault = self._chosen(request)
        kind = fault.kind if fault is not None else None
        if kind is Kind.STALLED:
            self._stalled = True
        if self._stalled or kind is Kind.HANG:
            self.met.set()
            self._hold()
            return
        if fault is not None and kind is Kind.AWAY:
            self._away(fault.seconds)
            return
        if fault is not None and kind is Kind.DELAY:
            self._ended.wait(fault.seconds)
        if kind is Kind.ERROR:
            client.sendall(_response(b'{"message":"a fault of the test"}', "500 Server Error"))
        else:
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as engine:
                engine.connect(self._engine)
                engine.sendall(_once(head) + body)
                self._pass_on(client, engine, kind)
        if fault is not None:
            self.met.set()

    def _pass_on(self, client: socket.socket, engine: socket.socket, kind: Kind | None) -> None:
        if kind is Kind.CUT:
            # The engine gets to know of the request before it knows that nobody listens.
            engine.recv(1)
        elif kind in (Kind.CUT_ANSWER, Kind.GARBLED, Kind.EMPTY):
            answer = b"".join(iter(lambda: engine.recv(BUFFER), b""))
            head, _, body = answer.partition(HEAD_END)
            if kind is Kind.CUT_ANSWER:
                client.sendall(head + HEAD_END + body[: len(body) // 2])
            else:
                client.sendall(_response(GARBAGE if kind is Kind.GARBLED else b"{}", "200 OK"))
        else:
            self._thread(lambda: _copy(client, engine))
            _copy(engine, client)

    def _hold(self) -> None:
        while not self._ended.is_set() and not self.heal.is_set():
            time.sleep(0.02)


def _read(client: socket.socket) -> tuple[bytes, bytes]:
    """Return a request's head, and its body, or what of that came along if it has no length."""
    content = b""
    while HEAD_END not in content:
        more = client.recv(BUFFER)
        if not more:
            return b"", b""
        content += more
    head, _, body = content.partition(HEAD_END)
    length = re.search(rb"(?im)^Content-Length: *(\d+)", head)
    while length is not None and len(body) < int(length[1]) and (more := client.recv(BUFFER)):
        body += more
    return head + HEAD_END, body


def _once(head: bytes) -> bytes:
    """Ask for the connection to be closed after the answer, unless it becomes another protocol."""
    if re.search(rb"(?im)^Upgrade:", head):
        return head
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


def _response(body: bytes, status: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(BUFFER):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
