"""Find the earlier runs of the history that a run can be compared with. Pure, but for folders.

An earlier run is one of the same model and script, by its path within the repository, that began
before; ``last`` is the last of those with the same axes.
"""

from collections.abc import Sequence
from pathlib import Path

from keras_matrix.errors import HistoryError, NothingSelectedError, StoreError
from keras_matrix.history.summary import RunSummary, axes_of, created_of, place_of
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Manifest
from keras_matrix.text import one_line

LAST = "last"


def earlier(runs: Sequence[RunSummary], manifest: Manifest) -> tuple[RunSummary, ...]:
    """Return the runs of the same script before this one, oldest first.

    ``runs`` are those of the model, oldest first; the run itself may be among them.

    Raises:
        StoreError: the manifest's date is not a date.
    """
    place, created = place_of(manifest), created_of(manifest)
    before = []
    for run in runs:
        if _is(run, manifest) or run.created > created:
            break
        if run.place == place:
            before.append(run)
    return tuple(before)


def last(runs: Sequence[RunSummary], manifest: Manifest) -> RunSummary | None:
    """Return the last earlier run with the same axes, or None.

    Raises:
        StoreError: the manifest's date is not a date.
    """
    axes = axes_of(manifest.plan)
    return next((r for r in reversed(earlier(runs, manifest)) if r.axes == axes), None)


def last_folder(runs: Sequence[RunSummary], manifest: Manifest) -> RunFolder:
    """Return the folder of the last earlier run with the same axes.

    Raises:
        NothingSelectedError: there is no such run.
        HistoryError: its records are gone.
    """
    previous = last(runs, manifest)
    if previous is not None:
        try:
            return folder_of(previous)
        except HistoryError as error:
            raise HistoryError(f"{error}{_alternative(runs, manifest)}") from error
    others = earlier(runs, manifest)
    script = f"{one_line(manifest.plan.model)} ({one_line(place_of(manifest))})"
    if not others:
        raise NothingSelectedError(
            f"The history holds no run of {script} before {one_line(manifest.run)}."
        )
    raise NothingSelectedError(
        f"The history holds no run of {script} before {one_line(manifest.run)} with the same "
        "images, keras.json, arguments, caps and kind of first weights; the latest with others is "
        f"{one_line(others[-1].run)}: name it with --against."
    )


def folder_of(run: RunSummary) -> RunFolder:
    """Return a run's folder.

    Raises:
        HistoryError: the folder is gone, or contains another run now.
    """
    folder = RunFolder(Path(run.folder))
    when = run.created.astimezone().strftime("%Y-%m-%d %H:%M")
    gone = (
        f"The records of the run {one_line(run.run)} of {when} are no longer in "
        f"{one_line(run.folder)}; bring them back and add them with keras-matrix history --add, "
        "or name another run with --against"
    )
    try:
        same = _is(run, folder.manifest())
    except StoreError as error:
        raise HistoryError(f"{gone}.") from error
    if not same:
        raise HistoryError(f"{gone}.")
    return folder


def _alternative(runs: Sequence[RunSummary], manifest: Manifest) -> str:
    """Return a sentence that names the last earlier run whose records exist, if there is one."""
    axes = axes_of(manifest.plan)
    for run in reversed(earlier(runs, manifest)):
        if run.axes == axes:
            try:
                folder_of(run)
            except HistoryError:
                continue
            return f" The last run whose records exist is {one_line(run.run)}."
    return ""


def _is(run: RunSummary, manifest: Manifest) -> bool:
    return (run.run, run.created, run.script_sha256) == (
        manifest.run,
        created_of(manifest),
        manifest.plan.script_sha256,
    )
