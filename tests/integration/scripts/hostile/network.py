"""Reach the host, its engine or a network; given are a port, the host's addresses and a name."""

import os
import socket
import sys

from attempts import Attempts

PORT, ADDRESSES, NAME = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3]
attempt = Attempts()


def connect(family, kind, address):
    """Connect, and send a word."""
    with socket.socket(family, kind) as opened:
        opened.settimeout(2)
        opened.connect(address)
        opened.send(b"hello")
        # Of a datagram that nobody takes, this is the answer.
        opened.recv(1)


for address in ADDRESSES:
    attempt("TCP", connect, socket.AF_INET, socket.SOCK_STREAM, (address, PORT))
    attempt("UDP", connect, socket.AF_INET, socket.SOCK_DGRAM, (address, PORT))
attempt("TCP over IPv6", connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", PORT))
attempt("an abstract socket", connect, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + NAME)
for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"):
    attempt(path, connect, socket.AF_UNIX, socket.SOCK_STREAM, path)
for family, kind in (
    (socket.AF_INET, socket.SOCK_RAW),
    (socket.AF_PACKET, socket.SOCK_RAW),
    (socket.AF_PACKET, socket.SOCK_DGRAM),
    (40, socket.SOCK_STREAM),
):
    # AF_VSOCK (40) leads out of a virtual machine.
    attempt(f"a socket {family}, {kind}", socket.socket, family, kind, 1)
attempt.see("interfaces", set(os.listdir("/sys/class/net")) - {"lo"})
attempt.done()
