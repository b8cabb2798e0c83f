"""What ``--format`` prints and ``--report`` writes."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records import checksum
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.records.builders import call, record, run_folder, tf_and_theano

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path, monkeypatch)


@pytest.fixture
def run(nowhere: Path) -> Path:
    return tf_and_theano(nowhere / "results" / "one", theano=0.75).path


@pytest.mark.parametrize(
    ("form", "begins", "has"),
    [
        ("table", "metric ", "evaluate.loss  0.5    0.75"),
        ("markdown", "### mlp \\(one\\)\n", "| evaluate.loss | 0.5 | 0.75 |"),
        ("json", "{\n", '"verdict": "differ"'),
        ("csv", '"group","metric"', '"evaluate.loss","score","differ"'),
        ("junit", '<?xml version="1.0" encoding="utf-8"?>\n<testsuites', 'type="differ"'),
        ("github", "::error title=theano differs from tf::", "evaluate.loss (0.75 against 0.5"),
    ],
)
def test_a_format_is_the_same_printed_and_written(
    form: str, begins: str, has: str, run: Path, nowhere: Path, capsys: Captured
) -> None:
    assert run_cli("diff", "one", "--format", form) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(begins)
    assert has in printed
    (nowhere / "out").mkdir()
    assert run_cli("diff", "one", "--report", f"{form}=out/file") == 1
    out, err = capsys.readouterr()
    assert "theano differs from tf" in out, "the table is printed as well"
    assert err == ""
    assert (nowhere / "out" / "file").read_bytes().decode() == printed
    assert os.listdir(nowhere / "out") == ["file"]


def test_a_folder_that_is_not_there_is_more_often_a_typo_than_a_wish(
    run: Path, nowhere: Path, capsys: Captured
) -> None:
    assert run_cli("diff", "one", "--report", "html=nowehre/page.html") == 2
    assert "there is no folder" in capsys.readouterr().err
    assert not (nowhere / "nowehre").exists()


def test_several_reports_of_one_comparison(run: Path, nowhere: Path) -> None:
    targets = {"junit": "a.xml", "csv": "b.csv", "markdown": "c.md", "json": "d.json"}
    arguments = [part for form, name in targets.items() for part in ("--report", f"{form}={name}")]
    assert run_cli("diff", "one", *arguments) == 1
    assert all((nowhere / name).stat().st_size for name in targets.values())
    assert json.loads((nowhere / "d.json").read_text())["differs"] is True


def test_a_report_goes_to_stdout_after_what_is_printed(run: Path, capsys: Captured) -> None:
    assert run_cli("diff", "one", "--report", "github=-") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("metric ")
    assert lines[-1].startswith("::error title=theano differs from tf::")
    assert lines[-2].startswith("theano differs from tf in 1 of 1")


def test_a_report_takes_the_place_of_an_older_one(run: Path, nowhere: Path) -> None:
    (nowhere / "old.md").write_text("x" * 10_000)
    (nowhere / "link.md").symlink_to(nowhere / "old.md")
    assert run_cli("diff", "one", "--report", "markdown=link.md") == 1
    assert (nowhere / "old.md").read_text().startswith("### mlp")
    assert (nowhere / "link.md").is_symlink()


def test_a_written_table_has_no_colours(
    run: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run_cli("diff", "one", "--report", "table=t.txt") == 1
    assert "\x1b" not in (nowhere / "t.txt").read_text()


def test_annotations_name_the_script_of_the_repository(nowhere: Path, capsys: Captured) -> None:
    from dataclasses import replace

    records = [
        record(Cell(image), call(metrics={"loss": loss}, site="model.py:34"))
        for image, loss in (("tf", 0.5), ("theano", 0.75))
    ]
    folder = run_folder(nowhere / "results" / "one", records)
    placed = replace(folder.manifest(), place="models/mlp/model.py")
    folder.write_manifest(placed)
    assert run_cli("diff", "one", "--format", "github") == 1
    assert capsys.readouterr().out == (
        "::error file=models/mlp/model.py,line=34,title=theano differs from tf::"
        "evaluate.loss (0.75 against 0.5; allowed 0.001 + 0.1%25)\n"
    )


def test_two_runs(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "old")
    tf_and_theano(nowhere / "results" / "new", theano=0.75)
    assert run_cli("diff", "old", "new", "--report", "junit=a.xml", "--report", "csv=-") == 1
    assert '"theano","evaluate.loss","score","differ","old","new"' in capsys.readouterr().out
    assert 'name="old against new: new against old"' in (nowhere / "a.xml").read_text()
    assert run_cli("diff", "old", "new", "--format", "markdown") == 1
    assert "| model |" not in capsys.readouterr().out


def test_a_page(run: Path, nowhere: Path, capsys: Captured) -> None:
    assert run_cli("diff", "one", "--report", "html=page.html") == 1
    assert capsys.readouterr().err == ""
    page = (nowhere / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "theano differs from tf in 1 of 1 judged metric" in page


def test_a_page_is_of_one_run(run: Path, nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "two")
    assert run_cli("diff", "one", "two", "--report", "html=page.html") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "keras-matrix report RUN OTHER" in err
    assert not (nowhere / "page.html").exists()


def test_held_against_an_earlier_run_the_cells_are_the_later_ones(
    run: Path, nowhere: Path, capsys: Captured
) -> None:
    earlier = tf_and_theano(nowhere / "results" / "earlier")
    code = run_cli(
        *("diff", "one", "--against", earlier.path, "--report", "junit=a.xml"),
        *("--report", "markdown=-", "--history", nowhere / "history.db"),
    )
    assert code == 8
    assert "| mlp | reference: 1 cell ran | ❌ differs in 1 of 1" in capsys.readouterr().out
    suites = (nowhere / "a.xml").read_text()
    assert 'name="one: cells on theano"' in suites
    assert 'name="earlier: cells on' not in suites


BAD = [
    (["xml=a.xml"], "--report 'xml=a.xml' is not FORMAT=FILE"),
    (["junit"], "--report 'junit' is not FORMAT=FILE"),
    (["csv=a\0b"], "is not FORMAT=FILE"),
    (["junit="], "the formats are table, markdown, json, csv, junit, github, html."),
    (["junit=."], "is not a file"),
    (["junit=/dev/null"], "/dev/null is not a file; name a file, or - for stdout"),
    (["junit=mlp/model.py/a.xml"], "cannot write"),
    (["junit=a", "csv=./a"], "is named twice"),
    (["html=-"], "name a file for the page"),
]


@pytest.mark.parametrize(("texts", "said"), BAD)
@pytest.mark.parametrize("command", [["run", "mlp", "--on", "tf"], ["diff", "one"]])
def test_a_wrong_report_is_refused_before_anything_is_done(
    command: Sequence[str], texts: Sequence[str], said: str, run: Path, capsys: Captured
) -> None:
    arguments = [part for text in texts for part in ("--report", text)]
    # Without an engine: a run that got so far would end with another status.
    assert run_cli(*command, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("keras-matrix: error: --report")
    assert err.count("\n") == 1


def test_a_folder_that_is_not_writable_is_reported(
    run: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    import tempfile

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Whoever runs these tests as root may write everywhere.
    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    assert run_cli("diff", "one", "--report", "csv=a.csv") == 2
    assert "(Permission denied); check the folder's permissions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "formats"),
    [
        (("diff", "now"), ["table", "markdown", "json", "csv", "junit", "github", "html"]),
        (("diff", "then", "now"), ["junit", "github"]),
        (("report", "now"), []),
        (("report", "then", "now"), []),
    ],
)
def test_each_file_of_a_run_is_read_once(
    arguments: tuple[str, ...], formats: list[str], nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("then", "now"):
        tf_and_theano(nowhere / "results" / name)
    reads: Counter[Path] = Counter()
    read = checksum.read

    def counted(path: Path, *others: Any, **more: Any) -> Any:
        reads[path] += 1
        return read(path, *others, **more)

    monkeypatch.setattr(checksum, "read", counted)
    assert run_cli(*arguments, *(f"--report={name}={name}.out" for name in formats)) == 0
    assert {path.name for path in reads} == {"manifest.json", "tf.json", "theano.json"}
    assert len(reads) == 3 * len(arguments[1:])
    assert set(reads.values()) == {1}
