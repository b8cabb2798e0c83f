"""Judge how a cell ended, from what the engine says and what the probe wrote. Pure."""

import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from keras_matrix.plan.cells import Caps, Cell, Limits
from keras_matrix.plan.contract import EndStatus
from keras_matrix.records.bounded import Number
from keras_matrix.records.events import Environment, Failure
from keras_matrix.records.observation import Observation
from keras_matrix.records.record import Outcome

SIGNAL_BASE = 128
"""An exit code above it is this plus the number of the signal that ended the process."""
LIMIT_TOLERANCE = 0.01
"""The relative difference from the plan that the engine may round a limit by."""
BY_STATUS = {
    EndStatus.IMPORT.value: Outcome.IMPORT_ERROR,
    EndStatus.BOUND.value: Outcome.BACKEND_BOUND,
    EndStatus.DATA.value: Outcome.MISSING_DATA,
    EndStatus.UNSUPPORTED.value: Outcome.UNSUPPORTED,
}
"""The status in a script's ``end`` event to the outcome; any other is the script's own error."""
NO_SPACE = "No space left on device"
"""The system's message to a cell whose scratch space is full: a cell can write nowhere else."""


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of a cell and the sentence that explains it."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Ending:
    """How a cell ended: as the probe ``reported`` it, else as the engine reports its container.

    The container is ``gone`` if another process removed it, and ``out_of_reach`` if the engine did
    not kill it, so that it may still run. ``refused`` is the outcome of a cell that did what no
    cell may do. ``environment`` is what the probe found before any script ran.
    """

    exit_code: int | None
    out_of_memory: bool = False
    timed_out: bool = False
    interrupted: bool = False
    gone: bool = False
    reported: bool = False
    out_of_reach: bool = False
    refused: CellOutcome | None = None
    environment: Environment | None = None
    error: str = ""

    @property
    def by_itself(self) -> bool:
        """Whether the container ended, or was removed, by no action of the host process."""
        return self.gone or (self.exit_code is not None and not self.reported)


INTERRUPTED = CellOutcome(Outcome.INTERRUPTED, "The run was stopped while this cell ran.")


def judge(
    ending: Ending,
    observation: Observation,
    damage: str,
    limits: Limits,
    mismatch: str,
    caps: Caps,
) -> CellOutcome:
    """Judge the outcome of a cell.

    ``damage`` says what is wrong with the event stream, ``mismatch`` what differs from the plan;
    both are empty if nothing is. A cell whose limits or backend were not as planned has no score,
    whatever it computed.
    """
    if ending.interrupted:
        return INTERRUPTED
    if ending.gone:
        return CellOutcome(Outcome.KILLED, "The container was removed from outside.")
    if ending.refused is not None:
        return ending.refused
    if ending.timed_out:
        return CellOutcome(
            Outcome.TIMEOUT,
            f"Not done after {limits.timeout:g} s; raise --timeout or shorten the script.",
        )
    end = observation.end
    if ending.out_of_memory or (end is not None and end.status == EndStatus.MEMORY.value):
        return CellOutcome(
            Outcome.OUT_OF_MEMORY,
            f"The memory limit of {_mebibytes(limits.memory)} MiB was exceeded; raise --memory.",
        )
    if end is None and ending.exit_code is not None and ending.exit_code > SIGNAL_BASE:
        return _by_signal(ending.exit_code - SIGNAL_BASE)
    if damage:
        return CellOutcome(Outcome.BAD_OUTPUT, f"The cell's event stream is damaged: {damage}.")
    if end is None and ending.exit_code == 0:
        return CellOutcome(Outcome.BAD_OUTPUT, "The cell's event stream has no end; see the log.")
    if end is None:
        reason = ending.error or f"The process ended with status {ending.exit_code} and no result"
        return CellOutcome(Outcome.CRASHED, f"{reason.rstrip('.')}; see the log.")
    if mismatch:
        return CellOutcome(Outcome.MISMATCH, mismatch)
    if end.error is not None:
        reached = any(not call.kind.startswith("predict") for call in observation.calls)
        return _by_script(end.status, end.error, shortened=reached and caps != Caps())
    if ending.exit_code != 0:
        return CellOutcome(
            Outcome.CRASHED,
            f"The script ended well, but its process ended with status {ending.exit_code}.",
        )
    return CellOutcome(Outcome.OK, "")


def _by_script(status: str, error: Failure, *, shortened: bool) -> CellOutcome:
    """Judge what the script raised; it was ``shortened`` if caps reached one of its calls."""
    outcome = BY_STATUS.get(status, Outcome.SCRIPT_ERROR)
    message = f": {error.message}" if error.message else ""
    places = [f"{error.file}, line {error.line}"] if error.file else []
    if error.deepest is not None:
        places.insert(0, f"{error.deepest.file}, line {error.deepest.line}")
    place = f" ({'; '.join(places)})" if places else ""
    hint = error.hint
    if not hint and NO_SPACE in error.message:
        hint = "its scratch space is full: raise --scratch"
    if not hint and shortened and outcome is Outcome.SCRIPT_ERROR:
        hint = "the script was shortened, which may be why"
    return CellOutcome(outcome, f"{error.kind}{message}{place}" + (f"; {hint}" if hint else ""))


def _by_signal(number: int) -> CellOutcome:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        return CellOutcome(Outcome.KILLED, f"The container was killed from outside ({name}).")
    return CellOutcome(Outcome.CRASHED, f"The process crashed ({name}); see the log.")


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:g}"


def no_environment(observation: Observation) -> str:
    """Return a message if a script ended well but the cell reported no environment, or nothing."""
    end = observation.end
    if observation.environment is not None or end is None or end.error is not None:
        return ""
    return "The cell reported no environment that it ran in; see the log."


def mismatch(cell: Cell, backend: str, expect: dict[str, str], environment: Environment) -> str:
    """Compare the cell's environment with the plan; return what differs, or nothing.

    Keras 2.3.1 silently falls back to TensorFlow if keras.json is missing or malformed
    (keras/backend/load_backend.py, tag 2.3.1), so the backend is read inside the cell.
    """
    settings = cell.settings
    planned: dict[str, object] = {
        "backend": backend,
        "floatx": settings.floatx.value,
        "epsilon": settings.epsilon,
        "image_data_format": settings.image_data_format.value,
    }
    actual: dict[str, object] = {name: getattr(environment, name) for name in planned}
    planned |= expect
    actual |= {name: environment.packages.get(name, "missing") for name in expect}
    wrong = [
        f"{name} is {actual[name]} instead of {planned[name]}"
        for name in planned
        if actual[name] != planned[name]
    ]
    if not wrong:
        return ""
    remedy = "run 'keras-matrix images verify'"
    if all(actual[name] == planned[name] for name in ("backend", *expect)):
        remedy = "the cell did not read the keras.json that was made for it: run it again"
    return f"Not what was planned: {'; '.join(wrong)}; {remedy}."


def limits_not_applied(limits: Limits, applied: dict[str, float], pinned: int | None) -> str:
    """Compare the limits that were read back with the plan; return what differs, or nothing.

    ``pinned`` is the number of CPUs the cell is pinned to, None if that is unknown.
    """
    planned = {"memory": float(limits.memory), "cpus": limits.cpus, "pids": float(limits.pids)}
    if pinned is not None:
        planned["cpuset"] = float(pinned)
    wrong = [
        f"{name} {applied.get(name, 0):g} instead of {value:g}"
        for name, value in planned.items()
        if not math.isclose(applied.get(name, 0), value, rel_tol=LIMIT_TOLERANCE)
    ]
    if not wrong:
        return ""
    return (
        f"The engine does not apply the limits ({'; '.join(wrong)}); "
        "use an engine with control groups for memory, cpu and pids."
    )


def limits_seen(environment: Environment, planned: Limits, cpus: tuple[int, ...]) -> str:
    """Compare the limits of the cell's control group, as far as it reports any, with the plan.

    ``cpus`` are the numbers of the CPUs that the cell is pinned to.
    """
    if environment.cpus and tuple(environment.cpus) != cpus:
        return (
            f"The engine does not pin cells to CPUs ({_list(environment.cpus)} instead of "
            f"{_list(cpus)}); use an engine with control groups for cpuset."
        )
    limits = environment.limits
    numbers = {"memory": limits.memory, "cpus": limits.cpus, "pids": limits.pids}
    reported = {name: _value(value) for name, value in numbers.items() if value is not None}
    defaults = {
        "memory": float(planned.memory),
        "cpus": planned.cpus,
        "pids": float(planned.pids),
    }
    return limits_not_applied(planned, defaults | reported, None)


def _list(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus))


def _value(number: Number) -> float:
    return float(number)


FILTERING_RUNTIMES = (
    "runc",
    "crun",
    "youki",
    "io.containerd.runc.v2",
    "io.containerd.runtime.v1.linux",
)
"""Runtimes whose filter of system calls can be seen from inside; a sandbox has its own way."""


def not_closed(environment: Environment, runtime: str) -> str:
    """Check the confinement that the cell observed; return what is open, or nothing.

    What the cell did not report is not judged. ``runtime`` is the engine's name of what ran it.
    """
    confinement = environment.confinement
    if confinement is None:
        return ""
    open_: list[str] = []
    if confinement.capabilities:
        open_.append(f"capabilities {confinement.capabilities:#x}")
    if confinement.no_new_privileges is False:
        open_.append("new privileges")
    if confinement.seccomp == 0 and runtime in FILTERING_RUNTIMES:
        open_.append("all system calls")
    if confinement.interfaces:
        open_.append(f"network interfaces {', '.join(confinement.interfaces)}")
    if not open_:
        return ""
    return (
        f"The engine does not confine the cell (the cell has {'; '.join(open_)}); use an engine "
        "that does, with its default seccomp profile."
    )
