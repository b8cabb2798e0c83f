"""Hold what a cell sees of its confinement, from inside, against what it should be. Pure."""

from keras_matrix.records.environment import Environment

FILTERING = ("runc", "crun", "youki", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux")
"""Runtimes whose filter of system calls shows from inside; that of a sandbox need not."""


def not_closed(found: Environment, runtime: str) -> str:
    """Return what is open that should be closed, or nothing; what nobody tells is not judged.

    ``runtime`` is the engine's name of what ran the cell.
    """
    seen = found.confinement
    if seen is None:
        return ""
    open_: list[str] = []
    if seen.capabilities:
        open_.append(f"capabilities {seen.capabilities:#x}")
    if seen.no_new_privileges is False:
        open_.append("new privileges")
    if seen.seccomp == 0 and runtime in FILTERING:
        open_.append("all system calls")
    if seen.interfaces:
        open_.append(f"network interfaces {', '.join(seen.interfaces)}")
    if not open_:
        return ""
    return (
        f"The engine does not close the cell in (it has {'; '.join(open_)}); use an engine that "
        "does, with its default seccomp profile."
    )
