"""The first stages of a run, with an engine that only says what it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.engine.client import Engine
from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.owners import SweepResult
from keras_matrix.engine.security import Security
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.request import RunOptions, make
from keras_matrix.load.shipped import default_root
from keras_matrix.records.folder import RunFolder
from keras_matrix.report.progress.lines import PlainProgress
from keras_matrix.run import prepare


class IdleEngine:
    """An engine without containers."""

    def facts(self) -> EngineFacts:
        return EngineFacts(
            version="27",
            platform="linux/amd64",
            cpus=4,
            memory=2**40,
            limits={},
            security=Security(),
            runtimes=("runc",),
            default_runtime="runc",
        )

    def close(self) -> None:
        pass


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_begun_with_another_order_of_cells_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resume: bool
) -> None:
    monkeypatch.setattr(Engine, "connect", lambda patience: IdleEngine())
    monkeypatch.setattr(prepare, "sweep", lambda *arguments: SweepResult((), 0, ""))
    script = tmp_path / "model.py"
    script.write_text("import keras\n")
    request = make(
        RunOptions(
            script=script,
            catalog=default_root(),
            results=tmp_path / "results",
            command=("keras-matrix", "run"),
            on="tf,theano",
            seeds="3",
            floatx="float32,float64",
            memory="1m",
            run_name="a-run",
            resume=resume,
        )
    )
    sources = prepare.load(request)
    planned = prepare.plan(request, sources)
    progress, interrupts = PlainProgress(quiet=True), Interrupts()
    with prepare.opened(replace(request, resume=False), sources, planned, progress, interrupts):
        folder = RunFolder(tmp_path / "results" / "a-run")
    earlier = tuple(sorted(planned.cells, key=lambda cell: cell.settings.id))
    assert earlier != planned.cells
    manifest = folder.manifest()
    folder.write_manifest(replace(manifest, plan=replace(manifest.plan, cells=earlier)))
    with prepare.opened(request, sources, planned, progress, interrupts) as run:
        assert run.plan.cells == run.selected == run.todo == earlier
    assert folder.manifest().plan.cells == earlier
