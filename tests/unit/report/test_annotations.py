import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.compare.pairs import compare_images, compare_runs
from keras_matrix.load import script
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Call, Observation
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.report.annotations import (
    Annotation,
    Level,
    RepositoryLine,
    annotations,
    render,
)
from tests.unit.records.builders import call, end, environment, manifest, record

HOSTILE = "a%0A::error::b\n::error file=x::c\r##[error]d, e: \x1b[31m\u202e"
MODEL = "models/mlp/model.py"


def recorded(
    records: Sequence[Record],
    *,
    cells: Sequence[Cell] = (),
    place: str = MODEL,
    name: str = "a-run",
    file: str = "model.py",
) -> RecordedRun:
    plain = manifest(cells or [record.cell for record in records], run=name)
    folder = RunFolder(Path(name))
    return RecordedRun(folder, replace(plain, place=place, script=file), tuple(records))


def annotate(run: RecordedRun) -> tuple[Annotation, ...]:
    plan = run.manifest.plan
    comparison = compare_images(
        run.records,
        images=plan.images,
        planned=[cell.id for cell in plan.cells],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp (a-run)",
    )
    return annotations(comparison, (run,))


def failing(
    image: str = "theano",
    *,
    seed: int | None = None,
    file: str | None = "model.py",
    line: int | None = 12,
    outcome: Outcome = Outcome.SCRIPT_ERROR,
    reason: str = "ValueError: no (model.py, line 12)",
    log_tail: tuple[str, ...] = (),
) -> Record:
    error = {
        "kind": "ValueError",
        "message": "no",
        "file": file,
        "line": line,
        "traceback": "Traceback (most recent call last):\n  there\nValueError: no\n",
    }
    failed = record(Cell(image, seed=seed), outcome=outcome, reason=reason, log_tail=log_tail)
    ending = end(status="error", exit_code=1, error=error)
    return replace(failed, observation=Observation(environment=environment(), end=ending))


def good(image: str = "tf", *calls: Call, seed: int | None = None) -> Record:
    return record(Cell(image, seed=seed), *(calls or [call(metrics={"loss": 0.5})]))


# Failures


def test_a_failed_cell_points_at_the_line_that_failed() -> None:
    (annotation,) = annotate(recorded([good(), failing()]))
    assert annotation.level is Level.ERROR
    assert annotation.source == RepositoryLine(MODEL, 12)
    assert annotation.title == "theano: script error"
    assert annotation.message.splitlines() == [
        "ValueError: no (model.py, line 12)",
        "cell theano of the run a-run",
        *("Traceback (most recent call last):", "  there", "ValueError: no"),
    ]


def test_a_module_beside_the_script() -> None:
    (annotation,) = annotate(recorded([good(), failing(file="lib/nets.py", line=3)]))
    assert annotation.source == RepositoryLine("models/mlp/lib/nets.py", 3)
    (annotation,) = annotate(recorded([good(), failing()], place="model.py"))
    assert annotation.source == RepositoryLine("model.py", 12)


@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", "a/../../b.py"])
def test_a_path_outside_the_script_s_folder_is_dropped(file: str) -> None:
    (annotation,) = annotate(recorded([good(), failing(file=file)]))
    assert annotation.source == RepositoryLine()


def test_a_script_with_an_unknown_path_has_no_line() -> None:
    (annotation,) = annotate(recorded([good(), failing()], place=""))
    assert annotation.source == RepositoryLine()


def test_a_notebook_has_no_line() -> None:
    run = recorded([good(), failing(file="n.ipynb.py")], place="docs/n.ipynb", file="n.ipynb")
    (annotation,) = annotate(run)
    assert annotation.source == RepositoryLine("docs/n.ipynb")


def test_cells_that_failed_alike_share_an_annotation() -> None:
    run = recorded([good(), *(failing(seed=seed) for seed in range(4)), failing("jax", line=3)])
    first, second = annotate(run)
    assert "cell theano.seed0 and 3 more of the run a-run" in first.message
    assert (second.title, second.source.line) == ("jax: script error", 3)


def test_a_stopped_cell_points_at_the_call_that_was_running() -> None:
    calls = [
        call("fit", finished=True, site="model.py:3"),
        call("fit#2", finished=False, site="model.py:30"),
    ]
    stopped = record(
        Cell("theano"), *calls, outcome=Outcome.TIMEOUT, reason="Not done.", log_tail=("said",)
    )
    stopped.observation.end = None
    (annotation,) = annotate(recorded([good(), stopped]))
    assert annotation.source == RepositoryLine(MODEL, 30)
    assert annotation.message.splitlines() == ["Not done.", "cell theano of the run a-run", "said"]


def test_a_cell_that_never_started_points_at_the_script() -> None:
    broken = record(Cell("theano"), outcome=Outcome.ENGINE_ERROR, reason="No.")
    broken.observation.end = None
    (annotation,) = annotate(recorded([good(), broken]))
    assert annotation.source == RepositoryLine(MODEL)


def test_cells_that_have_not_run() -> None:
    cells = [Cell("tf"), *(Cell("theano", seed=seed) for seed in range(7))]
    (annotation,) = annotate(recorded([good()], cells=cells))
    assert (annotation.level, annotation.source) == (Level.ERROR, RepositoryLine())
    assert annotation.title == "7 planned cells have not run"
    assert annotation.message.endswith("theano.seed4 and 2 more")
    (annotation,) = annotate(recorded([good()], cells=cells[:2]))
    assert annotation.title == "1 planned cell has not run"


# What differs


def test_a_metric_that_differs_points_at_its_call() -> None:
    sides = {"tf": 0.5, "theano": 0.75}
    run = recorded(
        [
            good(
                image,
                call("fit", {"loss": 0.5}, site="model.py:30"),
                call("evaluate#2", {"loss": loss, "acc": loss}, site="model.py:34"),
            )
            for image, loss in sides.items()
        ]
    )
    (annotation,) = annotate(run)
    assert (annotation.level, annotation.source) == (Level.ERROR, RepositoryLine(MODEL, 34))
    assert annotation.title == "theano differs from tf"
    assert annotation.message.splitlines() == [
        "evaluate#2.loss (0.75 against 0.5; allowed 0.001 + 0.1%)",
        "evaluate#2.acc (0.75 against 0.5; allowed 0.001 + 0.1%)",
    ]


def test_a_few_of_a_call_s_many_metrics_are_described() -> None:
    run = recorded(
        [
            good(image, call("fit", {f"m{number}": loss for number in range(20)}))
            for image, loss in (("tf", 0.5), ("theano", 0.75))
        ]
    )
    (annotation,) = annotate(run)
    assert len(annotation.message.splitlines()) == 6
    assert annotation.message.endswith("and 15 more metrics")


def test_a_metric_whose_name_has_dots_belongs_to_its_call() -> None:
    run = recorded(
        [
            good(image, call("fit", {"a.b.c": loss}, site="model.py:7"))
            for image, loss in (("tf", 0.5), ("theano", 0.75))
        ]
    )
    assert annotate(run)[0].source == RepositoryLine(MODEL, 7)


def test_a_call_without_a_line_points_at_the_script() -> None:
    run = recorded(
        [
            good(image, call("fit", {"loss": loss}, site="?"))
            for image, loss in (("tf", 0.5), ("theano", 0.75))
        ]
    )
    assert annotate(run)[0].source == RepositoryLine(MODEL)


def test_the_line_is_that_of_the_image_that_differs() -> None:
    run = recorded(
        [
            good("tf", call("fit", {"loss": 0.5}, site="model.py:1")),
            good("theano", call("fit", {"loss": 0.75}, site="model.py:2")),
        ]
    )
    assert annotate(run)[0].source == RepositoryLine(MODEL, 2)


def test_the_line_is_that_of_the_later_run() -> None:
    old = recorded([good("tf", call("fit", {"loss": 0.5}, site="model.py:1"))], name="old")
    new = recorded([good("tf", call("fit", {"loss": 0.75}, site="model.py:9"))], name="new")
    comparison = compare_runs(
        old.records,
        new.records,
        names=("old", "new"),
        planned=(["tf"], ["tf"]),
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
    )
    (annotation,) = annotations(comparison, (old, new))
    assert annotation.source == RepositoryLine(MODEL, 9)
    assert annotation.title == "new differs from old"


def test_too_few_seeds_are_a_warning() -> None:
    values = {"tf": (0.5, 0.5), "theano": (0.4, 0.61)}
    run = recorded(
        [
            good(image, call("fit", {"loss": loss}), seed=seed)
            for image, losses in values.items()
            for seed, loss in enumerate(losses)
        ]
    )
    (annotation,) = annotate(run)
    assert (annotation.level, annotation.source) == (Level.WARNING, RepositoryLine(MODEL, 3))
    assert annotation.title == "theano against tf: too few seeds to tell"
    assert "fit.loss (0.505 [0.4..0.61] against 0.5" in annotation.message


def test_a_notice_if_all_agrees() -> None:
    (annotation,) = annotate(recorded([good("tf"), good("theano")]))
    assert (annotation.level, annotation.source, annotation.title) == (
        Level.NOTICE,
        RepositoryLine(),
        "mlp (a-run)",
    )
    assert annotation.message == "theano agrees with tf in the one judged metric, within tolerance."


def test_failures_go_before_differences() -> None:
    run = recorded(
        [
            *(good("tf"), good("theano", call(metrics={"loss": 0.75}))),
            failing("jax"),
        ]
    )
    assert [annotation.title for annotation in annotate(run)] == [
        "jax: script error",
        "theano differs from tf",
    ]


# As workflow commands


def error(number: int, level: Level = Level.ERROR) -> Annotation:
    return Annotation(level, RepositoryLine(MODEL, number), f"title {number}", "message")


def test_a_command() -> None:
    assert render([error(12)]) == (f"::error file={MODEL},line=12,title=title 12::message\n")
    assert render([Annotation(Level.WARNING, RepositoryLine(MODEL), "t", "m")]) == (
        f"::warning file={MODEL},title=t::m\n"
    )
    assert render([Annotation(Level.NOTICE, RepositoryLine(), "t", "m")]) == "::notice title=t::m\n"
    assert render([]) == ""


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """Read a command as GitHub's runner does (ActionCommand.TryParseV2)."""
    line = line.lstrip()
    assert line.startswith("::")
    info, _, data = line[2:].partition("::")
    name, _, properties = info.partition(" ")
    pairs = (pair.partition("=") for pair in properties.split(",") if pair)
    return name, {key: unescaped(value, ":,") for key, _, value in pairs}, unescaped(data)


def unescaped(text: str, more: str = "") -> str:
    for character in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def test_hostile_text_stays_in_its_command() -> None:
    source = RepositoryLine(f"models/{HOSTILE}.py", 1)
    text = render([Annotation(Level.ERROR, source, HOSTILE, HOSTILE)])
    (line,) = text.splitlines()
    name, properties, message = parsed(line)
    assert name == "error"
    assert set(properties) == {"file", "line", "title"}
    assert properties["title"] == "a%0A::error::b ::error file=x::c##[error]d, e:"
    assert message == "a%0A::error::b\n::error file=x::c##[error]d, e: "
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", line)


def test_errors_come_first_and_each_level_has_a_limit() -> None:
    many = [error(number) for number in range(25)]
    warnings = [error(number, Level.WARNING) for number in range(10)]
    lines = render([*warnings, *many]).splitlines()
    assert [parsed(line)[0] for line in lines] == ["error"] * 10 + ["warning"] * 10
    assert [parsed(line)[1].get("line") for line in lines[:10]] == [
        *map(str, range(9)),
        None,
    ]
    assert parsed(lines[9])[1] == {"title": "and 16 more"}


def test_a_long_message_is_cut_off() -> None:
    (line,) = render(
        [Annotation(Level.ERROR, RepositoryLine(), "t" * 9999, "m" * 9999)]
    ).splitlines()
    _, properties, message = parsed(line)
    assert len(message) == 4000
    assert len(properties["title"]) <= 300


# Where a script lies


def test_the_place_is_within_the_repository(tmp_path: Path) -> None:
    path = tmp_path / "repository" / "models" / "model.py"
    path.parent.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    assert script.place(path, str(tmp_path)) == "models/model.py"


def test_without_a_repository_within_the_workspace_or_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "workspace" / "models" / "model.py"
    monkeypatch.chdir(tmp_path)
    assert script.place(path, str(tmp_path / "workspace")) == "models/model.py"
    assert script.place(path, str(tmp_path / "other")) == "workspace/models/model.py"
    assert script.place(path) == "workspace/models/model.py"
    assert script.place(tmp_path.parent / "model.py") == ""
