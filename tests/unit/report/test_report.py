import io
import math
import re
from collections.abc import Callable
from json import loads

import pytest
from rich.console import Console

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import ArrayDifference, Comparison
from keras_matrix.compare.pairs import compare_images
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.images import BaseKind
from keras_matrix.plan.tolerance import Tolerance, Tolerances
from keras_matrix.records.bounded import Number
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report import json, markdown, table
from keras_matrix.report.progress.lines import PlainProgress
from keras_matrix.report.words import in_words
from tests.unit.records.builders import array, call, record

HOSTILE = "a|b](https://example.org)<script>alert(1)</script>`*_#&lt;\x1b[31m\x9b2J\u202e"


def compared(
    *records: Record,
    rules: tuple[Tolerance, ...] = (),
    difference: ArrayDifference | None = None,
) -> Comparison:
    return compare_images(
        records,
        images=list(dict.fromkeys(record.cell.image for record in records)),
        planned=[record.cell.id for record in records],
        tolerances=Tolerances(rules),
        compare_arrays=lambda *_: difference,
        title="mlp (a-run)",
    )


def scores(tf: Number, theano: Number, metric: str = "loss") -> Comparison:
    return compared(
        record(Cell("tf"), call(metrics={metric: tf})),
        record(Cell("theano"), call(metrics={metric: theano})),
    )


def several(theano: float) -> Comparison:
    names = [f"m{index}" for index in range(5)]
    return compared(
        record(Cell("tf"), call(metrics=dict.fromkeys(names, 1.0), seconds=1.0)),
        record(Cell("theano"), call(metrics={**dict.fromkeys(names, theano)}, seconds=2.0)),
    )


def plain(comparison: Comparison) -> str:
    out = io.StringIO()
    table.show(comparison, table.console(out))
    return out.getvalue()


def on_terminal(comparison: Comparison, width: int) -> str:
    out = io.StringIO()
    table.show(comparison, Console(file=out, width=width, force_terminal=True, color_system=None))
    return out.getvalue()


@pytest.fixture(autouse=True)
def no_forced_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


# In words


def test_agreement_in_words() -> None:
    assert in_words(scores(0.5, 0.5)) == (
        "theano agrees with tf in the one judged metric, within tolerance."
    )
    assert in_words(several(1.0)) == (
        "theano agrees with tf in all 5 judged metrics, within tolerance."
    )


def test_differences_in_words_name_the_first_of_them() -> None:
    assert in_words(scores(0.5, 0.75)) == (
        "theano differs from tf in 1 of 1 judged metric: "
        "evaluate.loss (0.75 against 0.5; allowed 0.001 + 0.1%)."
    )
    sentence = in_words(several(2.0))
    assert "in 5 of 5 judged metrics" in sentence
    assert "evaluate.m2" in sentence
    assert "evaluate.m3" not in sentence
    assert sentence.endswith(" and 2 more.")


def test_a_metric_on_one_side_in_words() -> None:
    sentence = in_words(
        compared(record(Cell("tf"), call(metrics={"loss": 0.5})), record(Cell("theano"), call()))
    )
    assert "evaluate.loss (tf has it, theano does not)" in sentence


def test_failures_and_missing_cells_in_words() -> None:
    comparison = compare_images(
        [
            record(Cell("tf"), call(metrics={"loss": 0.5})),
            record(Cell("theano"), outcome=Outcome.TIMEOUT, reason="Not done."),
        ],
        images=["tf", "theano", "jax"],
        planned=["tf", "theano", "jax"],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp",
    )
    assert in_words(comparison) == (
        "theano (time-out) gave no result; 1 planned cell has not run yet."
    )


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ([Outcome.BACKEND_BOUND], "tf.seed0 (backend-bound) gave no result."),
        (
            [Outcome.BACKEND_BOUND, Outcome.SCRIPT_ERROR],
            "tf.seed0 (backend-bound) and tf.seed1 (script error) gave no result.",
        ),
        (
            [Outcome.KILLED, Outcome.CRASHED, Outcome.TIMEOUT],
            "tf.seed0 (killed), tf.seed1 (crashed) and tf.seed2 (time-out) gave no result.",
        ),
        (
            [Outcome.TIMEOUT] * 3,
            "tf.seed0, tf.seed1 and tf.seed2 (time-out) gave no result.",
        ),
        ([Outcome.TIMEOUT] * 4, "tf.seed0 and 3 more (time-out) gave no result."),
        (
            [Outcome.TIMEOUT, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.OK],
            "tf.seed0 and tf.seed2 (time-out) and tf.seed1 (crashed) gave no result.",
        ),
    ],
)
def test_failures_are_grouped_by_outcome(outcomes: list[Outcome], sentence: str) -> None:
    cells = [record(Cell("tf", seed=n), outcome=outcome) for n, outcome in enumerate(outcomes)]
    assert in_words(compared(*cells)) == sentence


def test_one_image_alone_in_words() -> None:
    alone = compared(record(Cell("tf"), call(metrics={"loss": 0.5})))
    assert in_words(alone) == (
        "tf ran alone, so there is nothing to compare; name two images with --on."
    )


def predictions(difference: ArrayDifference | None, theano: float = 0.5) -> Comparison:
    return compared(
        record(Cell("tf"), call("predict", arrays=[array("predict.0", 0.5)])),
        record(Cell("theano"), call("predict", arrays=[array("predict.0", theano)])),
        difference=difference,
    )


def test_arrays_in_words_have_their_largest_difference_not_their_means() -> None:
    apart = predictions(ArrayDifference(absolute=0.25, relative=0.5, close=False))
    assert in_words(apart) == (
        "theano differs from tf in 1 of 1 judged metric: "
        "predict.0 (elements differ by up to 0.25; allowed 0.001 + 0.1%)."
    )
    # Without the arrays, the means are all there is.
    assert "predict.0 (0.75 against 0.5; allowed" in in_words(predictions(None, 0.75))


# As figures


@pytest.mark.parametrize(
    ("tf", "theano", "text"),
    [
        (0.5, 0.75, "50%"),
        (0.5, 0.5, "0%"),
        (0.0, 0.0, "0%"),
        (0.5, 5.5, "1e+03%"),
        (0.0, 0.5, "-"),
        (1e-9, 0.5, "-"),
        (0.5, "inf", "-"),
        ("nan", 0.5, "-"),
    ],
)
def test_there_is_no_percentage_of_a_value_next_to_zero(
    tf: Number, theano: Number, text: str
) -> None:
    assert figures.relative(scores(tf, theano).rows[0]) == text


def test_there_is_no_percentage_of_an_element_next_to_zero() -> None:
    apart = predictions(ArrayDifference(absolute=0.1, relative=963.0, close=False))
    assert figures.relative(apart.rows[0]) == "-"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (1.0, "1"),
        (0.123456789, "0.123457"),
        (1e-12, "1e-12"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_have_six_digits(value: float | None, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Tolerance("*", atol=0.001, rtol=0.001), "0.001 + 0.1%"),
        (Tolerance("*", atol=0.02), "0.02"),
        (Tolerance("*", rtol=0.5), "50%"),
        (Tolerance("*"), "0"),
    ],
)
def test_tolerances(rule: Tolerance, text: str) -> None:
    comparison = compared(
        record(Cell("tf"), call(metrics={"loss": 0.5})),
        record(Cell("theano"), call(metrics={"loss": 0.5})),
        rules=(rule,),
    )
    assert figures.tolerance(comparison.rows[0]) == text


# As a table


def test_a_plain_table_is_lines_of_text() -> None:
    lines = plain(several(2.0)).splitlines()
    assert lines[0].split() == [
        *("metric", "tf", "theano", "difference", "relative", "allowed", "verdict"),
    ]
    assert lines[1].split() == [
        *("evaluate.m0", "1", "2", "1", "100%", "0.001", "+", "0.1%", "differ"),
    ]
    assert lines[6].split() == ["evaluate.seconds", "1", "2", "1", "2x", "-", "reported"]
    assert lines[-1].startswith("theano differs from tf in 5 of 5")


def test_the_method_for_several_seeds_is_described() -> None:
    seeds = [
        record(Cell(image, seed=seed), call(metrics={"loss": 1.0 + 0.01 * seed + shift * seed}))
        for image, shift in (("tf", 0.0), ("theano", 1e-2))
        for seed in range(5)
    ]
    for text in (plain(compared(*seeds)), markdown.render(compared(*seeds))):
        assert text.count("method: Mean of the differences on 5 seeds") == 1
        assert "question: do both behave the same over all seeds?" in text
        assert "1.41 standard deviations" in text
    text = plain(scores(0.5, 0.75))
    assert "method:" not in text, "one seed is judged by the tolerance alone"
    assert "question: do both compute the same? There is one run of each." in text


def test_a_plain_table_has_no_boxes_and_no_colours() -> None:
    text = plain(scores(0.5, 0.75))
    assert "\x1b" not in text
    assert not re.search("[\u2500-\u257f]", text)


SEEDS = [
    record(
        Cell(image, seed=seed),
        call("fit", {"a_metric_of_its_own": 0.123456 + 0.0123 * seed}, seconds=1.0 + seed),
    )
    for image in ("tf", "theano")
    for seed in range(3)
]


def test_a_wide_terminal_shows_a_table() -> None:
    text = on_terminal(compared(*SEEDS), 160)
    (line,) = [line for line in text.splitlines() if line.startswith("fit.a_metric_of_its_own")]
    assert line.split()[1:5] == [*("0.135756", "[0.123456..0.148056]") * 2]
    assert line.split()[-1] == "agree"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100])
def test_a_narrow_terminal_cuts_no_figure(width: int) -> None:
    text = on_terminal(compared(*SEEDS), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    whole = " ".join(text.split())
    if width >= 40:
        assert "fit.a_metric_of_its_own: agree tf 0.135756 [0.123456..0.148056], theano" in whole
        assert "allowed 0.001 + 0.1%" in whole
        assert "fit.seconds: reported tf 2 [1..3], theano" in whole
        assert "allowed -" not in whole


def test_in_a_narrow_terminal_a_line_ends_between_two_figures() -> None:
    lines = on_terminal(compared(*SEEDS), 60).splitlines()
    (place,) = [at for at, line in enumerate(lines) if line.startswith("fit.a_metric_of_its_own")]
    assert all(line.rstrip().endswith(",") for line in lines[place + 1 : place + 3])
    assert any(line.startswith("  allowed 0.001 + 0.1%") or "difference" in line for line in lines)


@pytest.mark.parametrize("width", [80, 100])
def test_one_seed_fits_a_terminal_of_80_columns(width: int) -> None:
    text = on_terminal(scores(0.123456, 0.234567), width)
    (line,) = [line for line in text.splitlines() if line.startswith("evaluate.loss")]
    assert line.split()[1:] == [
        *("0.123456", "0.234567", "0.111111", "90%", "0.001", "+", "0.1%", "differ"),
    ]


def test_times_come_last_and_arrays_say_that_they_are_means() -> None:
    comparison = compared(
        *(
            record(
                Cell(image),
                call("fit", {"loss": 0.5}, seconds=1.0),
                call("predict", arrays=[array("predict.0", 0.5)]),
                call("evaluate", {"acc": 0.5}),
            )
            for image in ("tf", "theano")
        )
    )
    first = [line.split("  ")[0] for line in plain(comparison).splitlines()]
    assert first[1:5] == ["fit.loss", "evaluate.acc", "predict.0 (mean)", "fit.seconds"]


def test_arrays_that_were_compared_element_by_element_say_so() -> None:
    near = predictions(ArrayDifference(absolute=0.25, relative=0.5, close=True))
    (line,) = [line for line in plain(near).splitlines() if line.startswith("predict")]
    assert line.split("  ")[0] == "predict.0 (means, largest difference)"
    assert line.split()[4:] == [*("0.5", "0.5", "0.25", "50%", "0.001", "+", "0.1%", "agree")]
    assert "predict.0 \\(means, largest difference\\)" in markdown.render(near)


def many(*apart: int, count: int = 200) -> Comparison:
    """Return a comparison of ``count`` scores, some of which differ, and a time."""
    names = [f"m{number:03}" for number in range(count)]
    theano = {name: 0.5 + (number in apart) for number, name in enumerate(names)}
    return compared(
        record(Cell("tf"), call(metrics=dict.fromkeys(names, 0.5), seconds=1.0)),
        record(Cell("theano"), call(metrics=theano, seconds=1.0)),
    )


def shown(text: str) -> list[str]:
    return re.findall(r"evaluate\.(\w+)", "\n".join(text.splitlines()[:-1]))


@pytest.mark.parametrize("render", [plain, lambda comparison: markdown.render(comparison) + "\n"])
def test_a_long_table_shows_what_differs_first(render: Callable[[Comparison], str]) -> None:
    rows = [row for row in shown(render(many(7, 150, 199))) if row.startswith("m")]
    # The sentence above a Markdown table names some rows as well.
    rows = rows[-60:]
    assert rows[:5] == ["m007", "m150", "m199", "m000", "m001"]
    assert len(set(rows)) == 60
    assert "and 141 more rows; " in render(many(7, 150, 199)).replace("\\", "")
    assert len(loads(json.render(many(7)))["rows"]) == 201


def test_of_more_differences_than_a_table_holds_the_first_are_shown() -> None:
    rows = shown(plain(many(*range(100, 200))))
    assert rows == [f"m{number}" for number in range(100, 160)]


def test_a_table_that_fits_is_shown_in_its_order() -> None:
    rows = shown(plain(many(7, count=59)))
    assert rows == [*(f"m{number:03}" for number in range(59)), "seconds"]
    assert "more row" not in plain(many(7, count=59))
    assert "and 1 more row; --json has them all.\n" in plain(many(7, count=60))


def test_each_table_has_a_limit_of_its_own() -> None:
    names = [f"m{number:03}" for number in range(70)]
    text = plain(
        compared(
            *(
                record(Cell(image), call(metrics=dict.fromkeys(names, 0.5)))
                for image in ("tf", "theano", "jax")
            )
        )
    )
    assert text.count("and 10 more rows; --json has them all.") == 2


def test_seeds_are_shown_as_median_and_range() -> None:
    comparison = compared(
        *(
            record(Cell(image, seed=seed), call(metrics={"loss": loss}))
            for image in ("tf", "theano")
            for seed, loss in enumerate([0.5, 0.25, 1.0])
        )
    )
    assert "0.5 [0.25..1]" in plain(comparison)


def test_failures_notes_and_their_log_are_below_the_table() -> None:
    text = plain(
        compared(
            record(Cell("tf"), call(metrics={"loss": 0.5}), base=BaseKind.STANDIN),
            record(
                Cell("theano"),
                outcome=Outcome.SCRIPT_ERROR,
                reason="ValueError: [bold]no[/bold]",
                log_tail=("Traceback [red]", "\x1b[31mred"),
            ),
        )
    )
    assert "theano: script error: ValueError: [bold]no[/bold]\n" in text
    assert "  | Traceback [red]\n  | red\n" in text
    assert "note: base: standin for tf" in text


LONG = "TypeError: first\nFAKE: ok, 2.0 s\n" + "x " * 500 + "(model.py, line 3)"


def test_a_long_reason_becomes_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    broken = record(Cell("theano"), outcome=Outcome.SCRIPT_ERROR, reason=LONG)
    comparison = compared(record(Cell("tf"), call(metrics={"loss": 0.5})), broken)
    PlainProgress().ended(broken)
    for text in (plain(comparison), markdown.render(comparison), capsys.readouterr().err):
        (line,) = [line for line in text.splitlines() if "TypeError" in line]
        assert "FAKE" in line
        assert len(line) < 400
        assert "line 3" in line
    (failure,) = loads(json.render(comparison))["failures"]
    assert failure["reason"] == LONG


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "evaluate.[red]x[/red]" in plain(scores(0.5, 0.5, "[red]x[/red]"))


@pytest.mark.parametrize("theano", [0.5, 0.75])
def test_a_hostile_name_does_nothing_to_a_terminal(theano: float) -> None:
    text = plain(scores(0.5, theano, HOSTILE))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "<script>" in text


def test_a_hostile_name_does_not_forge_a_line() -> None:
    forged = "x\ntheano agrees with tf in all 9 judged metrics"
    assert "\n" not in in_words(scores(0.5, 0.75, forged))
    for text in (plain(scores(0.5, 0.75, forged)), markdown.render(scores(0.5, 0.75, forged))):
        assert not any(line.startswith("theano agrees") for line in text.splitlines())


# As Markdown


def test_markdown() -> None:
    words = (
        "theano differs from tf in 1 of 1 judged metric: "
        "evaluate.loss \\(0.75 against 0.5; allowed 0.001 \\+ 0.1%\\)."
    )
    question = (
        "question: do both compute the same? There is one run of each. The verdict is about "
        "these two runs."
    )
    assert markdown.render(scores(0.5, 0.75)).splitlines() == [
        "### mlp \\(a\\-run\\)",
        "",
        f"**{words}**",
        "",
        "| metric | tf | theano | difference | relative | allowed | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        "| evaluate.loss | 0.5 | 0.75 | 0.25 | 50% | 0.001 + 0.1% | ❌ differ |",
        "",
        f"- {question}",
    ]


def test_markdown_shows_a_hostile_name_literally() -> None:
    text = markdown.render(scores(0.5, 0.75, HOSTILE))
    assert "\x1b" not in text
    assert "\x9b" not in text
    rows = [line for line in text.splitlines() if "script" in line and line.startswith("| ")]
    assert len(rows) == 1
    cells = re.split(r"(?<!\\)\|", rows[0])
    assert len(cells) == 9
    for special in "<>[]()`*_#|":
        assert not re.search(rf"(?<!\\){re.escape(special)}", cells[1]), special


def test_markdown_shows_an_entity_literally() -> None:
    assert markdown.escape("&lt;") == "\\&lt;"


@pytest.mark.parametrize("seeds", [1, 5])
def test_every_line_of_a_markdown_table_has_as_many_cells(seeds: int) -> None:
    # GitHub shows anything else as plain text.
    comparison = compared(
        *(
            record(Cell(image, seed=seed), call(metrics={"loss": 0.5 + seed}))
            for image in ("tf", "theano")
            for seed in range(seeds)
        )
    )
    lines = [line for line in markdown.render(comparison).splitlines() if line.startswith("|")]
    assert len(lines) == 3
    assert len({line.count("|") for line in lines}) == 1


def test_markdown_of_failures_and_missing_cells() -> None:
    comparison = compare_images(
        [record(Cell("tf"), outcome=Outcome.CRASHED, reason="It <crashed>.")],
        images=["tf", "theano"],
        planned=["tf", "theano"],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp",
    )
    lines = markdown.render(comparison).splitlines()
    assert "- ❌ tf: crashed: It \\<crashed\\>." in lines
    assert "- ⏳ theano: not run" in lines


# As JSON


def refuse(word: str) -> None:
    raise AssertionError(f"not JSON: {word}")


def test_json_has_strings_for_numbers_that_are_not_finite() -> None:
    text = json.render(scores("nan", "inf"))
    shown = loads(text, parse_constant=refuse)
    (row,) = shown["rows"]
    assert row["reference"] == {"name": "tf", "median": "nan", "values": ["nan"]}
    assert row["other"] == {"name": "theano", "median": "inf", "values": ["inf"]}
    assert row["absolute"] == "nan"


def test_json_holds_all_that_the_table_shows() -> None:
    shown = loads(json.render(scores(0.5, 0.75)), parse_constant=refuse)
    assert shown["schema"] == 1
    assert shown["differs"] is True
    assert shown["cells"] == 2
    assert shown["words"].startswith("theano differs from tf")
    assert shown["failures"] == shown["missing"] == shown["notes"] == []
    (row,) = shown["rows"]
    assert row == {
        "group": "",
        "metric": "evaluate.loss",
        "kind": "score",
        "reference": {"name": "tf", "median": 0.5, "values": [0.5]},
        "other": {"name": "theano", "median": 0.75, "values": [0.75]},
        "absolute": 0.25,
        "relative": 0.5,
        "elementwise": False,
        "tolerance": {
            "metric": "*",
            "atol": 0.001,
            "rtol": 0.001,
            "why": "the default, as in the backend tests of Keras 3",
            "question": None,
            "margin": None,
        },
        "verdict": "differ",
        "question": "computation",
        "question_why": "there is one run of each",
        "certain": "",
        "seeds": {
            "compared": 1,
            "beyond": [None],
            "noise_floor": None,
            "worst": {"seed": None, "reference": 0.5, "other": 0.75, "allowed": 0.0015},
        },
        "inference": None,
    }


def test_json_of_one_image_and_of_infinite_differences() -> None:
    alone = loads(json.render(compared(record(Cell("tf"), call(metrics={"loss": 0.5})))))
    assert alone["rows"][0]["other"] == {"name": "", "median": None, "values": []}
    apart = compare_images(
        [record(Cell(i), call("predict", arrays=[array()])) for i in ("tf", "theano")],
        images=["tf", "theano"],
        planned=[],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: ArrayDifference(math.inf, math.inf, False),
        title="mlp",
    )
    assert loads(json.render(apart), parse_constant=refuse)["rows"][0]["absolute"] == "inf"


# Progress


def test_plain_progress_is_a_line_each_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Cell("tf", seed=1)
    with PlainProgress() as shown:
        shown.step("image tf: building")
        shown.line("Step 1/9 : FROM scratch")
        shown.planned([cell])
        shown.started(cell)
        shown.ended(record(cell))
        shown.ended(record(cell, outcome=Outcome.TIMEOUT, reason="Not \x1b[31mdone."))
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.partition(" ")[2] for line in err.splitlines()]
    assert lines == [
        "image tf: building",
        "1 cell to run",
        "tf.seed1: started",
        "tf.seed1: ok, 2.0 s",
        "tf.seed1: time-out after 2.0 s: Not done.",
    ]


def test_progress_may_be_quiet_or_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    PlainProgress(quiet=True).step("something")
    assert capsys.readouterr() == ("", "")
    PlainProgress(verbose=True).line("Step 1/9 : FROM scratch")
    assert "Step 1/9" in capsys.readouterr().err
