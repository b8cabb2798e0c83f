"""Change what the next replicate would inherit: the server's limits, priority and CPUs."""

import os
import resource

from attempts import SEED, train

if SEED == 0:
    resource.prlimit(1, resource.RLIMIT_NOFILE, (64, 64))
    resource.prlimit(1, resource.RLIMIT_STACK, (2**20, 2**20))
    os.setpriority(os.PRIO_PROCESS, 1, 19)
    os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
train()
