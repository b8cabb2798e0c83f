"""Gain privileges: mount, namespaces, devices, the clock, other processes, the kernel itself."""

import ctypes
import os
import resource
import time

from attempts import Attempts, call

NEW_USER, NEW_NET, NEW_MOUNTS, NEW_PIDS = 0x10000000, 0x40000000, 0x00020000, 0x20000000
ATTACH, READ_MEMORY = 16, 310
SYSTEM_CALLS = {
    "syslog": (103, 3, 0, 0),
    "iopl": (172, 3),
    "swapon": (167, b"/script/attempts.py", 0),
    "reboot": (169, 0xFEE1DEAD, 672274793, 0),
    "sethostname": (170, b"x", 1),
    "init_module": (175, b"x", 1, b""),
    "kexec_load": (246, 0, 0, 0, 0),
    "add_key": (248, b"user", b"x", b"x", 1, -2),
    "keyctl": (250, 0, -3, 1),
    "unshare": (272, NEW_USER),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "open_by_handle_at": (304, -100, 0, 0),
    "setns": (308, 0, 0),
    "bpf": (321, 0, 0, 0),
    "userfaultfd": (323, 0),
    "open_tree": (428, -100, b"/", 1),
    "fsopen": (430, b"tmpfs", 0),
}
"""Calls of x86-64, by number."""
attempt = Attempts()

for name, given in sorted(SYSTEM_CALLS.items()):
    attempt(name, call, "syscall", *given)
for namespaces in (NEW_USER | NEW_NET, NEW_USER | NEW_MOUNTS, NEW_PIDS, NEW_NET):
    attempt("unshare", call, "unshare", namespaces)
attempt("mount", call, "mount", b"none", b"/scratch", b"tmpfs", 0, None)
attempt("bind mount", call, "mount", b"/", b"/scratch/tmp", None, 4096, None)
attempt("remount", call, "mount", None, b"/", None, 32, None)
attempt("umount", call, "umount2", b"/script", 2)
attempt("pivot_root", call, "syscall", 155, b"/scratch", b"/scratch")
attempt("chroot", os.chroot, "/scratch")
attempt("character device", os.mknod, "memory", 0o020600, os.makedev(1, 1))
attempt("block device", os.mknod, "disk", 0o060600, os.makedev(8, 0))
attempt("the clock", time.clock_settime, time.CLOCK_REALTIME, time.time() + 3600)
attempt("the clock's adjustment", call, "adjtime", ctypes.byref((ctypes.c_long * 2)(3600)), None)
attempt("tracing the server", call, "ptrace", ATTACH, 1, 0, 0)
memory = ctypes.create_string_buffer(8)
there = (ctypes.c_ulong * 2)(ctypes.addressof(memory), 8)
attempt("the server's memory", call, "syscall", READ_MEMORY, 1, there, 1, there, 1, 0)
attempt("another user", os.setuid, 12345)
if os.getuid():
    attempt("root", os.setuid, 0)
attempt("another group", os.setgroups, [0])
attempt("priority", os.setpriority, os.PRIO_PROCESS, 0, -5)
attempt("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))
attempt("a higher limit", resource.setrlimit, resource.RLIMIT_FSIZE, (2**40, 2**40))
attempt("core files", resource.setrlimit, resource.RLIMIT_CORE, (2**20, 2**20))
attempt("owning a file", os.chown, "attempts.py", 12345, 12345)
with open("/proc/self/status") as status:
    told = dict(line.split(":\t") for line in status.read().splitlines())
attempt.see("capabilities", int(told["CapPrm"], 16) | int(told["CapBnd"], 16))
attempt.see("new privileges", told["NoNewPrivs"] == "0")
attempt.see("no filter of system calls", told["Seccomp"] == "0")
attempt.done()
