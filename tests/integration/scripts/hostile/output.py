"""Print a line of 16 MiB, more than anyone reads, and what a terminal would obey."""

import os

from attempts import train

os.write(1, b"x" * (16 * 2**20) + b"\n")
line = (
    b"\x1b[2J\x1b]0;title\x07\x1b]8;;http://example.invalid\x07link\x9b31m\r\xe2\x80\xae\x00\xff\n"
)
for _ in range(2**13):
    os.write(2, line * 16)
train()
raise SystemExit(3)
