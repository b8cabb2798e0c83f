"""What the kernel did for want of memory, as the control group counts it."""

import os

CONTROL_GROUPS = "/sys/fs/cgroup"
COUNTS = ("memory.events", os.path.join("memory", "memory.oom_control"))
"""Files with a line ``oom_kill`` in a control group, of version 2 and of version 1."""


def kills(root: str = CONTROL_GROUPS) -> int:
    """Return how many processes of the container were killed since it began.

    0 where the kernel does not count them (version 1 before Linux 4.13), or a sandbox shows no
    control group.
    """
    for name in COUNTS:
        try:
            with open(os.path.join(root, name)) as lines:
                for line in lines:
                    word, _, count = line.partition(" ")
                    if word == "oom_kill":
                        return int(count)
        except OSError:
            continue
    return 0
