"""What a user sees of a suite: the table, the sentence, Markdown, JSON."""

import io
import json

import pytest
from rich.console import Console

from keras_matrix.compare.suites import SuiteComparison, compare
from keras_matrix.records.record import Outcome
from keras_matrix.report import suite as report
from keras_matrix.report.table import console
from tests.unit.compare.test_suites import BOTH, case, cell, compared

HOSTILE = "\x1b[31mred\x1b[0m <script>alert(1)</script> | [bold]x[/bold] \u202e`a`\n\nsecond"
FILE = "tests/core_test.py"


def shown(comparison: SuiteComparison, width: int | None = None) -> str:
    text = io.StringIO()
    out = console(text)
    if width is not None:
        out = Console(file=text, width=width, highlight=False)
    report.show(comparison, out)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


@pytest.fixture
def mixed() -> SuiteComparison:
    names = ("test_same", "test_tf", "test_theano", "test_both_fail", "test_skipped")
    tf = ("passed", "passed", "failed", "failed", "passed")
    theano = ("passed", "failed", "passed", "failed", "skipped")
    sides = {
        image: [
            case(f"{FILE}::{name}", outcome, message="" if outcome == "passed" else f"why {name}")
            for name, outcome in zip(names, outcomes, strict=True)
        ]
        for image, outcomes in (("tf", tf), ("theano", theano))
    }
    return compared(cell("tf", *sides["tf"]), cell("theano", *sides["theano"]))


def test_the_tests_that_differ_are_grouped_by_file(mixed: SuiteComparison) -> None:
    assert shown(mixed) == (
        "test                tf      theano   why\n"
        "tests/core_test.py\n"
        "  test_tf           passed  failed   theano: why test_tf\n"
        "  test_theano       failed  passed   tf: why test_theano\n"
        "  test_skipped      passed  skipped  theano: why test_skipped\n"
        "\n"
        "outcome   tf  theano\n"
        "passed     3       2\n"
        "failed     2       2\n"
        "skipped    0       1\n"
        "seconds  3.0     3.0\n"
        "theano differs from tf in 3 of 5 tests: 2 pass on tf only (on theano: 1 failed, "
        "1 skipped), 1 passes on theano only (on tf: failed)."
    )


def test_the_same_on_both_is_one_sentence_and_the_counts() -> None:
    comparison = compared(cell("tf", case("a.py::x")), cell("theano", case("a.py::x")))
    assert shown(comparison) == (
        "outcome   tf  theano\n"
        "passed     1       1\n"
        "seconds  3.0     3.0\n"
        "theano and tf have the same outcome in 1 test."
    )


def test_differences_without_a_pass_are_counted_too() -> None:
    comparison = compared(
        cell("tf", case("a.py::x", "failed")), cell("theano", case("a.py::x", "skipped"))
    )
    assert (
        report.in_words(comparison) == "theano differs from tf in 1 of 1 test: 1 passes on neither."
    )


def test_the_same_reason_is_shown_once() -> None:
    comparison = compare(
        "t",
        [
            cell("tf", case("a.py::x")),
            cell("theano", case("a.py::x", "failed", message="no\nsuch thing")),
            cell("cntk", case("a.py::x", "failed", message="no such thing")),
        ],
        ("tf", "theano", "cntk"),
    )
    assert report.why(comparison.rows[0]) == "theano, cntk: no such thing"


def test_a_cell_that_was_cut_off_comes_first() -> None:
    comparison = compared(
        cell("tf", case("a.py::x"), case("a.py::y")),
        cell(
            "theano",
            case("a.py::x", None),
            outcome=Outcome.CRASHED,
            reason="The process crashed (SIGSEGV); see the log.",
            collected=2,
            log_tail=("Segmentation\x1b[2J fault",),
        ),
    )
    assert shown(comparison) == (
        "test  tf      theano   why\n"
        "a.py\n"
        "  x   passed  cut off  theano: its cell ended: crashed\n"
        "\n"
        "outcome   tf  theano\n"
        "passed     2       0\n"
        "cut off    0       1\n"
        "not run    0       1\n"
        "seconds  3.0     3.0\n"
        "\n"
        "theano: crashed: The process crashed (SIGSEGV); see the log. It ended in a.py::x, "
        "after 0 tests.\n"
        "  | Segmentation fault\n"
        "theano (crashed) did not end well; theano differs from tf in 1 of 1 test: "
        "1 passes on tf only (on theano: cut off)."
    )


def test_cells_without_a_test_do_not_agree() -> None:
    failed = [cell(image, outcome=Outcome.SCRIPT_ERROR, collected=None) for image in BOTH]
    words = report.in_words(compared(*failed))
    assert words.startswith("tf (script error) and theano (script error) did not end well; no test")
    assert "same" not in words


def test_a_test_that_was_cut_off_on_both_has_no_outcome() -> None:
    cases = (case("a.py::x"), case("a.py::y", None))
    cut = [cell(image, *cases, outcome=Outcome.TIMEOUT, collected=2) for image in BOTH]
    assert report.in_words(compared(*cut)).endswith("have the same outcome in 1 test.")


def test_a_part_of_a_run_is_no_comparison() -> None:
    comparison = compare("t", [cell("tf", case("a.py::x"))], BOTH, missing=["theano"])
    assert report.in_words(comparison) == "not run yet: theano."


@pytest.fixture
def hostile() -> SuiteComparison:
    return compare(
        f"title {HOSTILE}",
        [
            cell("tf", case(f"a.py::x[{HOSTILE}]", "failed", message=HOSTILE + "m" * 5000)),
            cell("theano", case(f"a.py::x[{HOSTILE}]")),
        ],
        BOTH,
        notes=(HOSTILE,),
    )


@pytest.mark.parametrize("width", [None, 40, 80])
def test_text_from_outside_stays_text(hostile: SuiteComparison, width: int | None) -> None:
    text = shown(hostile, width)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if width is None:
        # In the name, in the reason and in the note.
        assert text.count("[bold]x[/bold]") == 3
    assert len(text) < 3000
    if width is not None:
        assert max(map(len, text.splitlines())) <= width


def test_markdown_shows_text_literally(hostile: SuiteComparison) -> None:
    text = report.render_markdown(hostile)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\x1b" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| x")]
    assert row.count(" | ") - row.count("\\|") <= 3 + 1


def test_markdown_has_a_table_a_file_and_the_counts(mixed: SuiteComparison) -> None:
    lines = report.render_markdown(mixed).splitlines()
    assert lines[0] == "### tests \\(a\\-run\\)"
    assert lines[2].startswith("**theano differs from tf in 3 of 5 tests: 2 pass on tf only")
    assert "| tests/core\\_test.py | tf | theano | why |" in lines
    assert "| test\\_tf | ✅ passed | ❌ failed | theano: why test\\_tf |" in lines
    assert "| outcome | tf | theano |" in lines
    assert "| skipped | 0 | 1 |" in lines
    assert not any("both" in line for line in lines)


def test_a_long_table_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_TESTS", 2)
    cases = [f"a.py::test_{number}" for number in range(5)]
    comparison = compared(
        cell("tf", *map(case, cases)), cell("theano", *(case(name, "failed") for name in cases))
    )
    for text in (shown(comparison), report.render_markdown(comparison)):
        assert "and 3 more tests;" in text
        assert "4" not in text.partition("outcome")[0]


def test_json_has_every_test(mixed: SuiteComparison) -> None:
    described = json.loads(report.render_json(mixed))
    assert (described["schema"], described["differs"], len(described["tests"])) == (1, True, 5)
    (row,) = [test for test in described["tests"] if test["test"] == f"{FILE}::test_tf"]
    assert row["differs"]
    assert row["outcomes"]["theano"] == {
        "outcome": "failed",
        "phase": "call",
        "seconds": 0.5,
        "message": "why test_tf",
        "place": "",
    }
    assert described["images"][0] == {
        "image": "tf",
        "counts": {"passed": 3, "failed": 2},
        "collected": 5,
        "deselected": 0,
        "seconds": 3.0,
        "running": None,
        "pytest": "7.0.1",
    }
