"""Fill the output folder with links, pipes, holes, programs, depths and names that are no text."""

import glob
import os

from attempts import Attempts, train

(folder,) = glob.glob("/output/*")
attempt = Attempts()
train()
for parent in (folder, *(os.path.join(folder, name) for name in ("arrays", "compiled", "trace"))):
    os.makedirs(parent, exist_ok=True)
    os.symlink("/etc/passwd", os.path.join(parent, "link"))
    os.symlink("/", os.path.join(parent, "root"))
    os.symlink(".", os.path.join(parent, "loop"))
    os.mkfifo(os.path.join(parent, "fifo"))
    attempt("a device", os.mknod, os.path.join(parent, "null"), 0o020666, os.makedev(1, 3))
    attempt("the script, linked", os.link, "/script/clutter.py", os.path.join(parent, "linked"))
    with open(os.path.join(parent, "holes"), "wb") as file:
        file.truncate(255 * 2**20)
    for number in range(100):
        os.link(os.path.join(parent, "holes"), os.path.join(parent, f"hole{number}"))
    with open(os.path.join(parent, "program"), "wb") as file:
        file.write(b"#!/bin/sh\nid\n")
    os.chmod(os.path.join(parent, "program"), 0o6755)  # noqa: S103 # what it is about
    for name in (b"\xff\xfe", b"a\nb", b"\x1b[2J", b"x" * 255, b"-rf", b"..."):
        with open(os.path.join(os.fsencode(parent), name), "wb") as file:
            file.write(b"x")
    os.mkdir(os.path.join(parent, "closed"))
    os.chmod(os.path.join(parent, "closed"), 0)
os.makedirs(os.path.join(folder, "compiled", "entry"))
for number in range(3):
    with open(os.path.join(folder, "compiled", "entry", f"huge{number}"), "wb") as file:
        file.truncate(255 * 2**20)
os.chdir(folder)
for _ in range(300):
    os.mkdir("d")
    os.chdir("d")
attempt.done()
