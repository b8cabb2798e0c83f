from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import CellNote, Comparison
from keras_matrix.compare.matrix import matrix_row
from keras_matrix.compare.pairs import compare_images
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import read
from keras_matrix.report import markdown
from tests.unit.records.builders import call, record, run_folder, tf_and_theano

HOSTILE = (
    "a|b](https://example.org)<script>alert(1)</script>`*_#&lt;~~x~~![i](x)<b>$x$\\|"
    "www.example.org @octocat \x1b[31m\x9b2J\u202e"
)
SHOWN = (
    "a|b](https://example.org)<script>alert(1)</script>`*_#&lt;~~x~~![i](x)<b>$x$\\|"
    "www.example.org @\u200boctocat 2J"
)


class Page(HTMLParser):
    """The elements of rendered Markdown, and the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag != "span":
            self.texts.setdefault(tag, []).append("")
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "span":
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data


OWN_ELEMENTS = {
    *("h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "em"),
    *("details", "summary", "pre", "code", "span"),
}


def page(text: str) -> Page:
    # GitHub renders CommonMark with tables and strikethrough.
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    document = Page(html)
    assert set(document.elements) <= OWN_ELEMENTS
    return document


def compared(folder: RunFolder) -> str:
    comparison = assess.compare_run(read(folder))
    return markdown.render(comparison, [matrix_row(comparison, folder.manifest())])


def run(path: Path, *records: Record, cells: Sequence[Cell] | None = None) -> RunFolder:
    return run_folder(path / "one", records, cells=cells)


def good(image: str, loss: float = 0.5, **more: float) -> Record:
    return record(Cell(image), call(metrics={"loss": loss, **more}))


def test_the_sentence_then_the_matrix_then_the_table(tmp_path: Path) -> None:
    text = compared(tf_and_theano(tmp_path / "one", theano=0.75))
    words = (
        "theano differs from tf in 1 of 1 judged metric: evaluate.loss "
        "\\(0.75 against 0.5; allowed 0.001 \\+ 0.1%\\)."
    )
    assert text.splitlines()[:12] == [
        "### mlp \\(one\\)",
        "",
        f"**{words}**",
        "",
        "| model | tf | theano |",
        "| --- | --- | --- |",
        "| mlp | reference: 1 cell ran | ❌ differs in 1 of 1 judged metric: evaluate.loss |",
        "",
        "| metric | tf | theano | difference | relative | allowed | verdict |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        "| evaluate.loss | 0.5 | 0.75 | 0.25 | 50% | 0.001 + 0.1% | ❌ differ |",
        "",
    ]
    assert text.splitlines()[12].startswith("- ")


def test_it_is_valid_markdown(tmp_path: Path) -> None:
    document = page(compared(tf_and_theano(tmp_path / "one", theano=0.75)))
    assert document.texts["h3"] == ["mlp (one)"]
    assert document.texts["strong"][0].startswith("theano differs from tf in 1 of 1")
    assert document.texts["th"][:3] == ["model", "tf", "theano"]
    assert document.texts["td"][3:] == [
        *("evaluate.loss", "0.5", "0.75", "0.25", "50%", "0.001 + 0.1%", "❌ differ"),
    ]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    bad = record(
        Cell("jax"),
        outcome=Outcome.SCRIPT_ERROR,
        reason=f"E: {HOSTILE}",
        log_tail=("```", "````", "</details><img src=x>", HOSTILE),
        notes=(HOSTILE,),
    )
    records = [record(Cell(image), call(metrics={HOSTILE: 0.5})) for image in ("tf", "theano")]
    document = page(compared(run(tmp_path, *records, bad)))
    assert f"evaluate.{SHOWN}" in document.texts["td"]
    assert any(f"E: {SHOWN}" in item for item in document.texts["li"])
    assert document.texts["li"][-1] == f"jax: {SHOWN}"
    (code,) = document.texts["code"]
    assert code.splitlines()[:3] == ["```", "````", "</details><img src=x>"]
    assert "</script>`*_#&lt;~~x~~" in code


def test_a_hostile_title_and_hostile_images_stay_text() -> None:
    comparison = Comparison(
        title=HOSTILE,
        rows=(),
        failures=(CellNote(HOSTILE, Outcome.TIMEOUT, "", ("x",)),),
        missing=(HOSTILE,),
        notes=("1. one", "- two", "# three", "> four", "    five", "=== six", "---"),
        cells=1,
    )
    document = page(markdown.render(comparison))
    assert document.texts["h3"] == [SHOWN]
    assert (
        f"The end of the output of {SHOWN.replace(chr(0x200B), '')}" in document.texts["summary"][0]
    )
    assert document.texts["li"][-7:] == [
        *("1. one", "- two", "# three", "> four", "five", "=== six", "---"),
    ]
    assert document.elements.count("ul") == 2


@pytest.mark.parametrize("text", ["https://x.org", "HTTP://x.org", "www.x.org", "WWW.x.org"])
def test_no_text_becomes_a_link(text: str) -> None:
    # GitHub links these wherever they stand whole.
    assert text not in markdown.escape(f"see {text} now")
    assert page(markdown.escape(text)).texts["p"] == [text]


@pytest.mark.parametrize("text", ["@octocat", "a@b.org", "@org/team"])
def test_nobody_is_notified(text: str) -> None:
    assert text not in page(markdown.escape(text)).texts["p"][0]


def test_what_agrees_in_a_long_table_is_folded(tmp_path: Path) -> None:
    metrics = {f"m{number:02}": 0.5 for number in range(20)}
    folder = run(tmp_path, good("tf", **metrics), good("theano", **{**metrics, "m07": 0.75}))
    document = page(compared(folder))
    assert document.texts["summary"] == ["theano and tf: 20 agree, 0 reported"]
    rows = [text for text in document.texts["td"] if text.startswith("evaluate")]
    assert rows[:2] == ["evaluate.m07", "evaluate.loss"]
    assert len(rows) == 21
    folded = compared(folder).partition("<details>")[2].partition("</details>")
    assert folded[1]
    assert folded[0].count("evaluate.") == 20
    assert "m07" not in folded[0]


def test_a_side_that_gave_no_result_is_folded(tmp_path: Path) -> None:
    bad = record(Cell("theano"), outcome=Outcome.TIMEOUT, reason="Not done.")
    text = compared(run(tmp_path, good("tf"), bad))
    assert "<summary>theano and tf: 0 agree, 1 reported</summary>" in text
    assert "| mlp | reference: 1 cell ran | ❌ 1 of 1 cell failed: time\\-out |" in text
    assert text.splitlines()[-1] == "- ❌ theano: time\\-out: Not done."


def test_failures_only(tmp_path: Path) -> None:
    records = [record(Cell(image), outcome=Outcome.TIMEOUT) for image in ("tf", "theano")]
    document = page(compared(run(tmp_path, *records)))
    assert document.texts["strong"] == ["tf and theano (time-out) gave no result."]
    assert document.texts["li"] == ["❌ tf: time-out", "❌ theano: time-out"]


def test_a_few_of_many_failures_are_listed(tmp_path: Path) -> None:
    cells = [Cell("tf", seed=seed) for seed in range(500)]
    bad = [
        record(
            cell,
            outcome=Outcome.CRASHED,
            reason="x" * 300,
            log_tail=("y" * 400,) * 20 + (cell.id,),
        )
        for cell in cells[:250]
    ]
    text = compared(run(tmp_path, *bad, cells=cells))
    document = page(text)
    assert len(text.encode()) < 65_536
    assert "❌ and 230 more cells without a result" in document.texts["li"]
    assert "⏳ and 230 more cells not run" in document.texts["li"]
    (rest,) = document.texts["em"]
    assert rest.endswith(
        " parts of this text left out for length; the HTML page and the JSON have all."
    )


@pytest.mark.parametrize("max_bytes", [100, 3000, 10_000, markdown.MAX_BYTES])
def test_it_stays_within_what_github_accepts(max_bytes: int) -> None:
    records = [
        record(
            Cell(image),
            call(metrics={f"{'漢' * 2000}{number}": value for number in range(200)}),
            notes=tuple(f"{'note ' * 50}{number}" for number in range(100)),
        )
        for image, value in (("tf", 0.5), ("theano", 0.75), ("jax", 0.25))
    ]
    comparison = compared_of(records)
    text = markdown.render(comparison, max_bytes=max_bytes)
    assert text.startswith("### mlp")
    assert len(text.encode()) <= max(max_bytes, 20_000) + 200
    page(text)


def compared_of(records: Sequence[Record]) -> Comparison:
    return compare_images(
        records,
        images=list(dict.fromkeys(record.cell.image for record in records)),
        planned=[record.cell.id for record in records],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp (one)",
    )


def test_many_notes_are_folded() -> None:
    comparison = Comparison("mlp", (), (), (), tuple(f"note {n}" for n in range(7)), 1)
    document = page(markdown.render(comparison))
    assert document.texts["summary"] == ["7 notes"]
    assert document.texts["li"] == [f"note {n}" for n in range(7)]


def test_the_same_output_of_several_cells_is_shown_once(tmp_path: Path) -> None:
    tails = [("one",), ("two",), ("one",), ()]
    bad = [
        record(Cell("tf", seed=seed), outcome=Outcome.CRASHED, reason="No.", log_tail=tail)
        for seed, tail in enumerate(tails)
    ]
    document = page(compared(run(tmp_path, *bad)))
    assert document.texts["code"] == ["one\n", "two\n"]
    assert document.texts["summary"] == [
        "The end of the output of tf.seed0",
        "The end of the output of tf.seed1",
    ]
