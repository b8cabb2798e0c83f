"""The report's page, as ``keras-matrix report`` writes it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from keras_matrix.errors import ExitCode
from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.records.files import to_json
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from keras_matrix.records.suite_events import Case, SuiteCollected, SuiteLog
from keras_matrix.report import plots
from keras_matrix.report.page import charts
from keras_matrix.report.page.blocks import Tone
from keras_matrix.report.page.sources import RunSource, Source
from keras_matrix.trace.cause import Hint
from keras_matrix.trace.finding import FindingKind, MinimalScript, Origin, TraceStage
from keras_matrix.trace.reach import Consequence, Reach, Reached
from keras_matrix.trace.result import ImageTrace, LayerDistance, StageSummary, Trace
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.records import builders
from tests.unit.records.builders import record
from tests.unit.report.page.builders import ANSI, EVIL, Element, bad, check, folder, good, seen_on
from tests.unit.trace.builders import apart, finding

Captured = pytest.CaptureFixture[str]
Report = Callable[..., Element]
DOUBLE = KerasSettings(floatx=Floatx.FLOAT64)
MAX_PAGE_BYTES = 2 * 10**6
FAILED, NOT_JUDGED = Tone.FAILED.symbol, Tone.NOT_JUDGED.symbol


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path, monkeypatch)


def report(*runs: RunFolder, options: Sequence[object] = ()) -> Element:
    """Write the page of some runs without charts, which take time; check and return it."""
    with patch.object(charts, "draw", lambda source: charts.Charts()):
        return drawn(*runs, options=options)


def drawn(*runs: RunFolder, options: Sequence[object] = ()) -> Element:
    """Write the page of some runs, check it and return it."""
    path = Path("page.html")
    assert run_cli("report", *(run.path for run in runs), "--output", path, *options) == 0
    return check(path.read_text(encoding="utf-8"))


def both(path: Path, theano: float = 0.5, seeds: int = 3) -> RunFolder:
    """Make a run of two images; the losses of the second are around ``theano``."""
    records = [
        good(image, 0.5 + seed / 1000 + (loss - 0.5) * (1 + seed / 100), seed)
        for seed in range(seeds)
        for image, loss in (("tf", 0.5), ("theano", theano))
    ]
    return folder(path, records)


def words(page: Element, tag: str, name: str) -> list[str]:
    """Return the texts of all elements with a tag and a class."""
    return [
        element.text
        for element in page.all(tag)
        if name in element.attributes.get("class", "").split()
    ]


def table(page: Element, caption: str) -> list[list[str]]:
    """Return the rows of the only table with a caption, its header included."""
    (element,) = [table for table in page.all("table") if table.all("caption")[0].text == caption]
    return [
        [cell.text for cell in row.children if isinstance(cell, Element)]
        for row in element.all("tr")
    ]


def details_of(page: Element, tile: str) -> Element:
    """Return what the only tile with these words leads to."""
    (link,) = [
        link
        for link in page.all("a")
        if "tile" in link.attributes.get("class", "") and tile in link.text
    ]
    return page.by_id(link.attributes["href"][1:])


# Contents


def test_the_verdict_is_on_top_in_one_sentence(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run", theano=0.7))
    assert page.all("title")[0].text == "mlp on tf and theano: differ"
    assert page.all("h1")[0].text == "mlp on tf and theano"
    (sentence,) = words(page, "p", "sentence")
    assert sentence.startswith("theano differs from tf in 2 of 2 judged metrics: fit.loss (0.703")


def test_an_entry_of_the_matrix_has_a_word_and_a_symbol_and_links_to_its_details(
    tmp_path: Path,
) -> None:
    page = report(both(tmp_path / "a-run", theano=0.7))
    assert words(page, "a", "tile") == [
        "◆ reference 3 cells ran",
        "≠ differ differs in 2 of 2 judged metrics: fit.loss, evaluate.loss",
    ]
    details = details_of(page, "differ")
    assert details.all("h4")[0].text == "theano against tf ≠ differ"
    rows = table(details, "theano against tf: 2 metrics, judged")
    assert rows[0] == [
        *("metric", "verdict", "tf", "theano", "difference, interval", "allowed"),
    ]
    assert rows[1] == [
        *("fit.loss same distribution?", "≠ differ", "0.501 0.5 to 0.502", "0.703 0.7 to 0.706"),
        *("0.202 40.3% 0.1948..0.2092", "0.001 + 0.1%"),
    ]


def test_times_are_in_a_table_of_their_own(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run"))
    names = [row[0] for row in table(page, "theano against tf: 5 metrics, not judged")]
    assert names == [
        *("metric", "fit.seconds", "fit.first_batch_seconds", "fit.first_epoch_seconds"),
        *("fit.steady_epoch_seconds", "evaluate.seconds"),
    ]


def test_the_sections_are_in_order_and_the_contents_link_to_them(tmp_path: Path) -> None:
    page = drawn(both(tmp_path / "a-run"))
    titles = [
        *("Image by image", "Learning curves", "Differences", "Times"),
        *("Environment", "Run it again"),
    ]
    assert [heading.text for heading in page.all("h3")] == titles
    (contents,) = page.all("nav")
    assert [link.text for link in contents.all("a")] == ["Matrix", *titles]


def test_charts_have_a_table_of_numbers_and_a_visible_description(tmp_path: Path) -> None:
    page = drawn(both(tmp_path / "a-run", theano=0.7))
    figures = page.headed("Learning curves").all("figure")
    assert figures
    for figure in page.all("figure"):
        title = figure.all("figcaption")[0].text
        assert figure.all("caption")[0].text == f"Numbers: {title}"
        assert len(figure.all("tr")) > 1
        (description,) = [p for p in figure.all("p") if "quiet" in p.attributes["class"]]
        assert description.text == figure.all("desc")[0].text
    rows = figures[0].all("tr")
    assert len(rows) == 1 + 3, "a row for each epoch"


def test_the_notes_begin_with_the_method(tmp_path: Path) -> None:
    records = [good(image, 0.5, seed, notes=("mind this",)) for seed in (0, 1) for image in IMAGES]
    page = report(folder(tmp_path / "a-run", records))
    notes = [item.text for item in page.headed("Notes").all("li")]
    assert notes[0].startswith("question: ")
    assert "4 cells: mind this" in notes


IMAGES = ("tf", "theano")


# Failures


def test_a_failure_has_its_line_of_the_script_and_its_log(tmp_path: Path) -> None:
    log = b"Using Theano backend.\nlast words\n"
    records = [
        *(good("tf", 0.5, seed) for seed in (0, 1)),
        *(bad("theano", seed=seed, hint="Set --memory 8g.") for seed in (0, 1)),
    ]
    page = report(folder(tmp_path / "a-run", records, log=log))
    assert words(page, "a", "tile")[1] == f"{FAILED} failed 2 of 2 cells failed: script error"
    (link,) = [a for a in details_of(page, "failed").all("a") if a.text.startswith("Failures and")]
    failures = page.by_id(link.attributes["href"][1:])
    (card,) = failures.all("h4")
    assert card.text == f"theano: script error {FAILED} failed"
    facts = [fact.text for fact in failures.all("dd")]
    assert facts == [
        *("theano.seed0, theano.seed1", "1", "ValueError", "model.py:12", "helper.py:3"),
        "Set --memory 8g.",
    ]
    traceback, shown = (listing.raw for listing in failures.all("pre"))
    assert traceback.strip() == "Traceback:\n model.fit\nValueError: no".replace(" m", "  m")
    assert shown.strip() == log.decode().strip()


def test_a_run_whose_cells_all_failed_has_a_page(tmp_path: Path) -> None:
    records = [bad("tf"), bad("theano", Outcome.TIMEOUT, reason="it took 5 s")]
    page = drawn(folder(tmp_path / "a-run", records))
    assert page.all("title")[0].text.endswith(": failed")
    assert [heading.text for heading in page.headed("Failures").all("h4")] == [
        f"tf: script error {FAILED} failed",
        f"theano: time-out {FAILED} failed",
    ]
    assert page.all("svg") == []


def test_without_a_log_file_the_end_in_the_record_is_shown(tmp_path: Path) -> None:
    records = [good("tf"), bad("theano", log_tail=("the last", "lines"))]
    page = report(folder(tmp_path / "a-run", records))
    assert page.headed("Failures").all("pre")[-1].raw.strip() == "the last\nlines"


def test_cells_that_have_not_run_are_named(tmp_path: Path) -> None:
    cells = [Cell(image, seed=seed) for seed in (0, 1) for image in IMAGES]
    records = [good("tf", 0.5, 0), good("tf", 0.5, 1), good("theano", 0.5, 0)]
    page = report(folder(tmp_path / "a-run", records, cells=cells))
    assert "not run" in page.all("title")[0].text
    (paragraph,) = page.headed("Failures").all("p")
    assert paragraph.text == "… not run 1 planned cell has not run: theano.seed1."


def test_many_kinds_of_failures_are_counted_and_the_page_stays_small(tmp_path: Path) -> None:
    records = [good("tf", 0.5, 0)]
    records += [bad("theano", seed=seed, reason=f"reason {seed}") for seed in range(300)]
    page = report(folder(tmp_path / "a-run", records, log=EVIL.encode() * 2000))
    failures = page.headed("Failures")
    assert len(failures.all("h4")) == 10
    assert "290 more kinds of failure" in [summary.text for summary in failures.all("summary")]
    assert Path("page.html").stat().st_size < MAX_PAGE_BYTES


# Texts from outside


def test_names_that_are_markup_are_shown_as_text(tmp_path: Path) -> None:
    seen = seen_on("theano", **{EVIL: EVIL})
    records = [good("tf", 0.5, seed, metric=EVIL) for seed in (0, 1)]
    records += [
        good("theano", 0.7, seed, metric=EVIL, notes=(EVIL + ANSI,), seen=seen) for seed in (0, 1)
    ]
    page = drawn(
        folder(tmp_path / "a-run", records, model=f"{EVIL} & \"'"), options=("--title", EVIL)
    )
    assert page.all("h1")[0].text == EVIL
    assert [heading.text for heading in page.all("h2")] == ["Matrix", f"{EVIL} & \"'"]
    rows = table(page, "theano against tf: 2 metrics, judged")
    assert [row[0] for row in rows] == [
        "metric",
        f"fit.{EVIL} same computation?",
        f"evaluate.{EVIL} same computation?",
    ]
    assert f"2 cells: {EVIL}red" in [item.text for item in page.all("li")]
    packages = table(page, "Packages that only some images have")
    assert [EVIL, "-", EVIL] in packages
    text = Path("page.html").read_text()
    assert "\x1b" not in text
    assert "<script" not in text


def test_a_hostile_log_of_ten_megabytes_is_shortened_and_shown_as_text(tmp_path: Path) -> None:
    line = f"{ANSI} {EVIL} 1/2\r{ANSI} {EVIL} 2/2\n".encode()
    log = b"the first line\n" + line * (10 * 2**20 // len(line)) + b"the last line\xff\n"
    records = [good("tf"), bad("theano", traceback=f"{ANSI}{EVIL}", reason=EVIL)]
    page = report(folder(tmp_path / "a-run", records, log=log))
    traceback, shown = (pre.raw.strip() for pre in page.headed("Failures").all("pre"))
    assert traceback == f"red{EVIL}"
    lines = shown.split("\n")
    assert lines[0] == "the first line"
    assert lines[1] == f"red {EVIL} 2/2"
    assert lines[-1] == "the last line\N{REPLACEMENT CHARACTER}"
    assert "… 10.0 MiB left out …" in lines
    assert Path("page.html").stat().st_size < 500_000


def test_a_content_security_policy_forbids_all_that_is_not_in_the_page(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run"))
    (policy,) = [meta for meta in page.all("meta") if "http-equiv" in meta.attributes]
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")


# Runs of all kinds


def test_one_image_alone_shows_its_values(tmp_path: Path) -> None:
    page = drawn(folder(tmp_path / "a-run", [good("tf")]))
    assert words(page, "a", "tile") == [
        f"{NOT_JUDGED} not judged 1 cell ran; nothing to compare it with",
    ]
    rows = table(page, "7 metrics, not judged")
    assert rows[:2] == [["metric", "tf"], ["fit.loss", "0.5"]]


def test_each_keras_json_is_a_column(tmp_path: Path) -> None:
    records = [
        good(image, loss, settings=settings)
        for settings, loss in ((KerasSettings(), 0.5), (DOUBLE, 0.6))
        for image in IMAGES
    ]
    page = drawn(folder(tmp_path / "a-run", records))
    (matrix,) = page.all("table", class_="matrix")
    assert [head.text for head in matrix.all("thead")[0].all("th")] == [
        *("model", "tf.default", "theano.default", "tf.float64", "theano.float64")
    ]
    rows = table(page, "theano.float64 against tf.float64: 2 metrics, judged")
    assert rows[1][:4] == ["fit.loss same computation?", "✓ agree", "0.6", "0.6"]
    assert len(table(page, "Cells of theano.float64")) == 2


def test_several_runs_are_the_rows_of_one_matrix(tmp_path: Path, capsys: Captured) -> None:
    agreeing, differing = both(tmp_path / "one"), both(tmp_path / "two", theano=0.9)
    other = folder(tmp_path / "three", [good("tf"), good("cntk")], model="lstm")
    assert run_cli("report", agreeing.path, differing.path, other.path) == 0
    assert capsys.readouterr().out == "keras-matrix-report.html\n"
    page = check(Path("keras-matrix-report.html").read_text())
    assert page.all("h1")[0].text == "2 models on tf, theano and cntk"
    assert words(page, "p", "sentence") == ["Of 3 runs, 1 differs (mlp), 2 agree (mlp, lstm)."]
    (matrix,) = page.all("table", class_="matrix")
    rows = [
        [cell.text for cell in row.every() if cell.tag in ("th", "td")]
        for row in matrix.all("tbody")[0].all("tr")
    ]
    assert [row[0] for row in rows] == ["mlp run one", "mlp run two", "lstm run three"]
    assert rows[0][3] == "not part of this run"
    assert rows[2][2:] == ["not part of this run", "✓ agree agrees in all 2 judged metrics"]
    assert [nav.attributes["aria-label"] for nav in page.all("nav")][:2] == [
        "Contents",
        "Sections of mlp, run one on tf, theano, 2026-01-01",
    ]


def traced(path: Path) -> RunFolder:
    """Make a trace on disk."""
    run = folder(path, [record(Cell(image, seed=0)) for image in IMAGES], kind=RunKind.TRACE)
    real = finding(
        where="conv_1",
        layer="Conv2D",
        what=f"output {EVIL}",
        hint=Hint("It pads otherwise.", "keras#1"),
        alone=apart(0.5),
        limit=1e-5,
        script=MinimalScript("/far/away/scripts/forward_conv_1.py", "import keras\n"),
        reach=Reach(targets=[Reached(what=Consequence.LOSS, distance=46.0, excess=3e8)]),
    )
    inherited = finding(where="dense_1", origin=Origin.INHERITED)
    image = ImageTrace(
        image="theano",
        findings=[real, finding(FindingKind.UPDATE, where="w"), inherited],
        stages=[
            StageSummary(TraceStage.WEIGHTS, 4, 0),
            StageSummary(TraceStage.OUTPUTS, 6, 2, "conv_1", 5e4),
        ],
        profile=[
            LayerDistance(TraceStage.OUTPUTS, name, "0", 10.0) for name in ("conv_1", "dense_1")
        ],
        notes=["a note"],
    )
    trace = Trace(
        tool="keras-matrix 0",
        run="a-run",
        model="conv",
        reference="tf",
        layers=2,
        still=["dropout_1"],
        seconds={"tf": 1.0, "theano": 2.0},
        images=[image],
    )
    (path / "trace.json").write_bytes(to_json(trace))
    return run


def test_a_trace_is_described_by_its_findings(tmp_path: Path) -> None:
    page = drawn(traced(tmp_path / "a-trace"))
    (sentence,) = words(page, "p", "sentence")
    assert sentence == (
        f"theano and tf differ: forward, conv_1 (Conv2D), output {EVIL}, and 1 more."
    )
    assert words(page, "a", "tile")[0] == "◆ reference 2 layers were traced"
    details = details_of(page, "differ")
    assert table(details, "theano against tf, stage by stage")[2] == [
        *("outputs", "≠ differ", "2 of 6 differ", "conv_1: 5e+04 x what rounding explains"),
    ]
    text = details.text
    for part in (
        "possible cause It pads otherwise.",
        "Source: keras#1",
        "rounding explains 1e-05",
        "reaches the loss by 46 (3e+08 x its bound)",
        "scripts/forward_conv_1.py, in the trace's folder",
        "inherited from the findings above: dense_1",
        "a note",
    ):
        assert part in text
    assert details.all("pre")[0].raw.strip() == "import keras"
    assert "/far/away" not in page.raw
    assert page.headed("Layer by layer").all("svg")


def test_a_trace_and_a_run_share_one_matrix(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run"), traced(tmp_path / "a-trace"))
    assert words(page, "p", "sentence") == ["Of 2 runs, 1 differs (conv), 1 agrees (mlp)."]
    (legend,) = page.all("dl", class_="legend")
    assert "something differs by more than rounding explains" in legend.text
    assert "every judged metric is within what is allowed" in legend.text


def test_a_page_of_traces_speaks_of_rounding_not_of_tolerances(tmp_path: Path) -> None:
    (legend,) = drawn(traced(tmp_path / "a-trace")).all("dl", class_="legend")
    assert "something differs by more than rounding explains" in legend.text
    assert "tolerance" not in legend.text


def suite_of(path: Path, *outcomes: tuple[str, str]) -> RunFolder:
    """Make a run of tests on disk: of each test its outcomes on both images."""
    records = []
    for position, image in enumerate(IMAGES):
        suite_record = record(Cell(image))
        cases = [
            Case(
                f"a.py::test_{n}",
                CaseOutcome(pair[position]),
                CasePhase.CALL,
                0.5,
                f"{image} {EVIL}",
            )
            for n, pair in enumerate(outcomes)
        ]
        suite_record.observation.suite = SuiteLog(SuiteCollected("7.0.1", len(cases), 0), cases)
        records.append(suite_record)
    return folder(path, records, model="layers")


def test_a_run_of_tests_is_reported_test_by_test(tmp_path: Path) -> None:
    run = suite_of(tmp_path / "a-run", ("passed", "passed"), ("passed", "failed"))
    page = report(run)
    (sentence,) = words(page, "p", "sentence")
    assert sentence.startswith("theano differs from tf in 1 of 2 tests: 1 passes on tf only")
    assert words(page, "a", "tile") == ["◆ reference 2 tests", "≠ differ differs in 1 of 2 tests"]
    assert "failed 1" in details_of(page, "differ").text
    rows = table(page, "Tests that differ (1)")
    assert rows[1][:3] == ["a.py::test_1", "✓ passed", "≠ failed"]
    assert rows[1][3] == f"theano: theano {EVIL}"


def test_a_run_of_tests_with_the_same_outcomes_agrees(tmp_path: Path) -> None:
    page = report(suite_of(tmp_path / "a-run", ("passed", "passed"), ("failed", "failed")))
    assert words(page, "a", "tile")[1] == "✓ agree the same outcome in 2 tests"
    assert "No test has different outcomes on these images." in page.text


def test_a_run_of_tests_may_lack_an_image(tmp_path: Path) -> None:
    run = suite_of(tmp_path / "a-run", ("passed", "passed"))
    run.record_path(Cell("tf")).unlink()
    page = report(run)
    assert words(page, "a", "tile") == [
        "… not run this image has not run",
        f"{NOT_JUDGED} not judged the reference has not run",
    ]


# Environment, reported figures, and how to run it again


def test_properties_that_the_images_share_are_no_difference(tmp_path: Path) -> None:
    records = [good("tf", seen=seen_on("tf", scipy="1.4.1", six="1"))]
    records += [good("theano", seen=seen_on("theano", scipy="1.4.0", six="1"))]
    page = report(folder(tmp_path / "a-run", records))
    differences = table(page, "What differs between the images")
    assert differences == [
        ["name", "tf", "theano"],
        ["backend", "tensorflow", "theano"],
        ["package scipy", "1.4.1", "1.4.0"],
    ]
    assert table(page, "Packages that only some images have")[1:] == [
        ["tensorflow-itself", "1.0", "-"],
        ["theano-itself", "-", "1.0"],
    ]
    assert ["six", "1", "1"] in table(page, "All packages")


def test_different_machines_of_one_image_are_listed(tmp_path: Path) -> None:
    records = [
        good("tf", 0.5, 0, seen=builders.environment(cpu_model="one")),
        good("tf", 0.5, 1, seen=builders.environment(cpu_model="another")),
    ]
    page = report(folder(tmp_path / "a-run", records))
    assert ["processor", "one; another"] in table(page, "System")


REPORTED = """schema = 1
[source]
title = "A <b>paper</b>"
[[figure]]
image = "tf"
metric = "evaluate.loss"
value = 0.9
unit = "1"
[[claim]]
text = "tf is <b>better</b>"
metric = "evaluate.loss"
better = "tf"
than = "theano"
direction = "lower"
"""


def test_reported_figures_beside_the_script_are_compared_with_measured_ones(
    tmp_path: Path,
) -> None:
    run = both(tmp_path / "a-run", theano=0.7)
    (run.path / "script" / "reported.toml").write_text(REPORTED)
    page = drawn(run)
    section = page.headed("Reported and measured figures")
    assert "Reported by: A <b>paper</b>" in section.text
    rows = table(section, "Reported figures")
    assert rows[1][:3] == ["tf evaluate.loss", "0.9", "0.501"]
    assert rows[1][4] == "≠ inconsistent"
    assert table(section, "Claims")[1][:3] == [
        *("tf is <b>better</b>", "evaluate.loss", "✓ supported")
    ]
    assert section.all("svg")


def test_an_option_names_a_file_of_reported_figures(tmp_path: Path) -> None:
    run = both(tmp_path / "a-run")
    Path("figures.toml").write_text(REPORTED)
    page = report(run, options=("--reported", "figures.toml"))
    assert page.headed("Reported and measured figures")


def test_the_command_repeats_the_run(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run"))
    section = page.headed("Run it again")
    assert section.all("pre")[0].raw.strip() == "keras-matrix run model.py"
    facts = dict(
        zip(
            (name.text for name in section.all("dt")),
            (value.text for value in section.all("dd")),
            strict=True,
        )
    )
    assert facts["seeds"] == "0 to 2"
    assert facts["image tf"] == builders.identity("tf").id


# The file


def test_the_page_is_written_to_the_runs_folder_and_its_path_is_printed(
    tmp_path: Path, capsys: Captured
) -> None:
    run = both(tmp_path / "results" / "a-run")
    assert run_cli("report", "a-run") == 0
    assert capsys.readouterr().out == "results/a-run/report.html\n"
    check((run.path / "report.html").read_text())


def test_thirty_seeds_on_two_images_stay_under_two_megabytes(tmp_path: Path) -> None:
    records = [
        good(image, 0.5 + seed / 1000, seed, epochs=20) for seed in range(30) for image in IMAGES
    ]
    drawn(folder(tmp_path / "a-run", records))
    assert Path("page.html").stat().st_size < MAX_PAGE_BYTES / 4


def test_of_many_metrics_those_that_differ_are_shown_first(tmp_path: Path) -> None:
    records = [
        record(
            Cell(image),
            builders.call(metrics={f"m{n}": float(n == 399) * value for n in range(400)}),
        )
        for image, value in (("tf", 1.0), ("theano", 2.0))
    ]
    page = report(folder(tmp_path / "a-run", records))
    rows = table(page, "theano against tf: 400 metrics, judged")
    assert len(rows) == 1 + 200
    assert rows[1][:2] == ["evaluate.m399 same computation?", "≠ differ"]
    assert "and 200 more rows; --json has them all." in page.text


def one_chart(source: Source) -> charts.Charts:
    """Draw one chart of a run, which is enough to see where its file is written."""
    assert isinstance(source, RunSource)
    return charts.Charts(curves=plots.draw_curves(source.records, IMAGES)[:1])


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_plots_can_be_written_to_files(
    tmp_path: Path, kind: str, begins: bytes, capsys: Captured
) -> None:
    with patch.object(charts, "draw", one_chart):
        drawn(both(tmp_path / "a-run"), options=("--plots", "plots", "--plot-format", kind))
    assert capsys.readouterr().err == "1 plot: plots\n"
    (written,) = Path("plots").iterdir()
    assert written.name == f"curves-fit-loss.{kind}"
    assert written.read_bytes().startswith(begins)


def test_plots_of_several_runs_are_written_to_folders_of_their_own(tmp_path: Path) -> None:
    with patch.object(charts, "draw", one_chart):
        drawn(both(tmp_path / "one"), both(tmp_path / "two"), options=("--plots", "plots"))
    names = sorted(str(path) for path in Path("plots").rglob("*.svg"))
    assert names == ["plots/1-one/curves-fit-loss.svg", "plots/2-two/curves-fit-loss.svg"]


# Runs without a page


def refused(capsys: Captured, *arguments: object) -> str:
    """Run a command that is refused; return its exit code and message."""
    before = sorted(Path().rglob("*.html"))
    code = run_cli("report", *arguments)
    assert code in (ExitCode.USAGE, ExitCode.NOTHING_SELECTED)
    assert sorted(Path().rglob("*.html")) == before
    out, err = capsys.readouterr()
    assert out == ""
    return f"{code.value if isinstance(code, ExitCode) else code}: {err}"


def test_a_run_has_to_be_named(capsys: Captured) -> None:
    assert "Missing argument 'RUN...'" in refused(capsys)
    assert refused(capsys, "nothing") == (
        "2: keras-matrix: error: There is no run 'nothing', neither as a folder nor in results.\n"
    )


def test_a_run_without_a_record_is_refused(tmp_path: Path, capsys: Captured) -> None:
    folder(tmp_path / "a-run", [], cells=[Cell("tf"), Cell("theano")])
    message = refused(capsys, tmp_path / "a-run")
    assert message.startswith("4: ")
    assert "a-run holds no record; run it with 'keras-matrix run' first." in message


def test_a_run_that_is_named_twice_is_refused(tmp_path: Path, capsys: Captured) -> None:
    both(tmp_path / "results" / "a-run")
    assert "is named twice" in refused(capsys, "a-run", tmp_path / "results" / "a-run")


def test_reported_figures_need_a_single_run(tmp_path: Path, capsys: Captured) -> None:
    first, second = both(tmp_path / "one"), both(tmp_path / "two")
    message = refused(capsys, first.path, second.path, "--reported", "figures.toml")
    assert "--reported is about one script" in message


def test_reported_figures_need_a_single_keras_json(tmp_path: Path, capsys: Captured) -> None:
    records = [good("tf"), good("tf", settings=DOUBLE)]
    run = folder(tmp_path / "a-run", records)
    Path("figures.toml").write_text(REPORTED)
    assert "several keras.json" in refused(capsys, run.path, "--reported", "figures.toml")
    (run.path / "script" / "reported.toml").write_text(REPORTED)
    titles = [heading.text for heading in report(run).all("h3")]
    assert "Reported and measured figures" not in titles


@pytest.mark.parametrize("content", [b"{}", b"[", b'{"schema": 7}', b"\xff"])
def test_a_damaged_trace_is_refused(tmp_path: Path, content: bytes, capsys: Captured) -> None:
    run = traced(tmp_path / "a-trace")
    (run.path / "trace.json").write_bytes(content)
    assert "trace.json is damaged" in refused(capsys, run.path)


def test_a_trace_of_another_schema_is_refused(tmp_path: Path, capsys: Captured) -> None:
    run = traced(tmp_path / "a-trace")
    path = run.path / "trace.json"
    path.write_bytes(path.read_bytes().replace(b'"schema": 1', b'"schema": 9'))
    assert "has schema 9, this version reads 1" in refused(capsys, run.path)


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: Captured) -> None:
    run = both(tmp_path / "a-run")
    Path("file").write_text("")
    assert "Cannot write" in refused(capsys, run.path, "--output", "file/page.html")


def test_tolerances_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    page = report(both(tmp_path / "a-run", 0.7), options=("--tolerance", "*=1"))
    assert words(page, "p", "sentence") == [
        "theano agrees with tf in all 2 judged metrics, within tolerance."
    ]


def test_a_run_without_environments_has_a_page(tmp_path: Path) -> None:
    records = [good("tf"), replace(bad("theano", Outcome.ENGINE_ERROR), image=None)]
    records[1].observation.environment = records[1].observation.end = None
    page = report(folder(tmp_path / "a-run", records))
    assert page.headed("Failures").all("h4")[0].text == f"theano: engine error {FAILED} failed"
