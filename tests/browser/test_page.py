"""The report in a browser: safety, keyboard, accessibility, colours and layout."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.records.files import to_json
from keras_matrix.records.folder import TRACE_FILE
from keras_matrix.records.record import Outcome, Record
from keras_matrix.trace.cause import Hint
from keras_matrix.trace.finding import FindingKind, MinimalScript, TraceStage
from keras_matrix.trace.result import (
    ImageTrace,
    LayerDistance,
    StageSummary,
    Trace,
)
from tests.browsers import chromium
from tests.unit.cli.builders import run_cli
from tests.unit.records.builders import call, record
from tests.unit.report.page import builders as page_builders
from tests.unit.report.page.builders import bad, good
from tests.unit.report.plots.builders import epochs
from tests.unit.trace.builders import finding

EVIL = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
"""Text that runs if it is not escaped."""
ANSI = "\x1b[31mred\x1b[0m"
LOG_BYTES = 10 * 2**20
SCHEMES = ("light", "dark")
PHONE_WIDTH = 360
SERIOUS_IMPACTS = {"serious", "critical"}

# Elements that the keyboard reaches, in the order of the page, without what is folded.
REACHABLE = """
() => [...document.querySelectorAll("a[href], summary, [tabindex='0']")]
  .filter(element => element.checkVisibility({contentVisibilityAuto: false}))
"""
# Texts of a chart that overlap, or extend beyond it.
MISPLACED_TEXTS = """
() => [...document.querySelectorAll("svg.chart")].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")]
    .map(text => ({text: text.textContent, box: text.getBoundingClientRect()}))
    .filter(({box}) => box.width > 0);
  const outside = texts
    .filter(({box}) => box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
    .map(({text}) => `${text} extends beyond the chart`);
  const overlapping = texts.flatMap((first, index) => texts.slice(index + 1)
    .filter(second => Math.min(first.box.right, second.box.right)
        - Math.max(first.box.left, second.box.left) > 1
      && Math.min(first.box.bottom, second.box.bottom)
        - Math.max(first.box.top, second.box.top) > 3)
    .map(second => `${first.text} and ${second.text} overlap`));
  return [...outside, ...overlapping];
})
"""
# The figures in the tables of judged metrics, and whether each is seen without scrolling sideways.
METRICS = """
() => [...document.querySelectorAll("table")]
  .filter(table => table.caption.textContent.endsWith(", judged"))
  .flatMap(table => [...table.querySelectorAll("tbody td")].map(figure => {
    const region = table.parentElement.getBoundingClientRect();
    const {left, right, width} = figure.getBoundingClientRect();
    const text = document.createRange();
    text.selectNodeContents(figure);
    const end = Math.max(right, text.getBoundingClientRect().right);
    const fits = region.right <= window.innerWidth;
    return [figure.dataset.column,
      width > 0 && fits && left >= region.left - 1 && end <= region.right + 1];
  }))
"""
UNFOLD = "() => document.querySelectorAll('details').forEach(item => { item.open = true; })"


@dataclass
class OpenedPage:
    """A page in the browser, with the addresses it requested and its messages and errors."""

    page: Page
    requests: list[str]
    messages: list[str]


def tutorial(seeds: int) -> list[Record]:
    """Make the records of two images; Theano compiles modules with its first seed."""
    generator = random.Random(1)
    records = []
    for image, slower in (("tf", 1.0), ("theano", 2.5)):
        for seed in range(seeds):
            curve = [0.7 + 0.1 / (n + 1) + generator.gauss(0, 0.005) for n in range(20)]
            fit = call(
                "fit",
                {"loss": curve[-1]},
                epochs=epochs("loss", *curve),
                seconds=slower * generator.lognormvariate(0, 0.1),
                first_batch_seconds=0.5 * slower,
            )
            fit.compiled = 2 * (seed == 0 and image == "theano")
            score = {
                "loss": 0.69 + generator.gauss(0, 0.01),
                "accuracy": generator.choice((0.4, 0.5)),
            }
            records.append(record(Cell(image, seed=seed), fit, call("evaluate", score)))
    return records


def hostile() -> list[Record]:
    """Make records whose names, reasons and outputs are markup, control codes, or very long."""
    records = [good(image, loss, metric=f"{EVIL} $x$ {ANSI}") for image, loss in HOSTILE_LOSSES]
    reason = f"ValueError: {EVIL} {ANSI} {'w' * 5000}"
    text = f"Traceback\n</pre>{EVIL}{ANSI}\n"
    return [*records, bad("cntk", Outcome.SCRIPT_ERROR, reason=reason, traceback=text, hint=EVIL)]


HOSTILE_LOSSES = (("tf", 0.5), ("theano", 0.7))


def traced() -> Trace:
    """Make a trace with one finding and the distances of its layers."""
    names = ["conv1d_1_input", "conv1d_1", f"{EVIL}{ANSI}", "flatten_1", "dense_1"]
    distances = [0.0, 0.2, 5e4, 4e4, 3e4]
    profile = [
        LayerDistance(stage, name, "training", distance)
        for stage in (TraceStage.OUTPUTS, TraceStage.GRADIENTS)
        for name, distance in zip(names, distances, strict=True)
    ]
    forward = finding(
        FindingKind.FORWARD,
        where=names[2],
        layer="MaxPooling1D",
        what="output",
        message=EVIL,
        hint=Hint("The windows begin elsewhere.", "keras-team/keras#13841"),
        script=MinimalScript("scripts/forward.py", f"import keras\n# {EVIL}\n"),
    )
    image = ImageTrace(
        image="theano",
        findings=[forward],
        stages=[StageSummary(TraceStage.OUTPUTS, 5, 3, names[2], 5e4)],
        profile=profile,
    )
    return Trace(
        tool="keras-matrix 0",
        run="traced",
        model="conv",
        reference="tf",
        layers=5,
        still=[],
        seconds={"tf": 1.0, "theano": 2.0},
        images=[image],
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a page of one run, and a page of several kinds of runs, with the command."""
    folder = tmp_path_factory.mktemp("pages")
    page_builders.folder(folder / "tutorial", tutorial(30))
    page_builders.folder(folder / "short", tutorial(3))
    log = f"</pre>{EVIL}\n{ANSI}\n".encode() * 3 + b"x" * LOG_BYTES + f"\n{EVIL}{ANSI}".encode()
    page_builders.folder(folder / "hostile", hostile(), model=EVIL, log=log)
    captures, kind = [good("tf"), good("theano")], RunKind.TRACE
    run = page_builders.folder(folder / "traced", captures, model="conv", kind=kind)
    (run.path / TRACE_FILE).write_bytes(to_json(traced()))
    one_run, several = folder / "tutorial.html", folder / "several.html"
    assert run_cli("report", folder / "tutorial", "--output", one_run) == 0
    runs = [folder / name for name in ("short", "hostile", "traced")]
    assert run_cli("report", *runs, "--output", several) == 0
    return {"one run": one_run, "several": several}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(playwright))
        yield launched
        launched.close()


@pytest.fixture(params=["one run", "several"])
def path(pages: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return pages[request.param]


class Visitor:
    """Opens pages, each in a browser context of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[Any] = []

    def __call__(
        self, path: Path, *, scheme: Any = "light", width: int = 1200, **more: Any
    ) -> OpenedPage:
        context = self._browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, **more
        )
        self._contexts.append(context)
        page = context.new_page()
        opened = OpenedPage(page, [], [])
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.messages.append(message.text))
        page.on("pageerror", lambda error: opened.messages.append(str(error)))
        page.goto(path.as_uri())
        return opened

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    visitor = Visitor(browser)
    yield visitor
    visitor.close()


# Scripts and requests


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_opens_without_a_message_and_requests_nothing(
    path: Path, visit: Visitor, scheme: str
) -> None:
    opened = visit(path, scheme=scheme)
    opened.page.evaluate(UNFOLD)
    opened.page.wait_for_load_state("networkidle")
    assert opened.messages == []
    assert opened.requests == [path.as_uri()]


def test_hostile_names_and_logs_are_text(pages: dict[str, Path], visit: Visitor) -> None:
    # Without the content security policy, escaping alone has to prevent scripts.
    opened = visit(pages["several"], bypass_csp=True)
    page = opened.page
    page.evaluate(UNFOLD)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hit") is None
    assert page.locator("script, img, iframe, object").count() == 0
    text = page.locator("body").inner_text()
    assert EVIL in text
    assert "\x1b" not in page.content()
    assert "[31m" not in text
    assert text.count("red") >= 3
    assert opened.messages == []
    assert opened.requests == [pages["several"].as_uri()]


def test_a_log_of_ten_megabytes_is_its_ends(pages: dict[str, Path], visit: Visitor) -> None:
    page = visit(pages["several"]).page
    summary = page.locator("summary", has_text="Log of cntk")
    assert "10.0 MiB" in summary.inner_text()
    log = page.get_by_role("region", name="Log of cntk")
    assert not log.is_visible()
    summary.click()
    shown = log.inner_text()
    assert shown.startswith(f"</pre>{EVIL}\nred\n")
    assert shown.endswith(f"{EVIL}red")
    assert len(shown) < 50_000
    assert pages["several"].stat().st_size < 2 * 2**20


def test_thirty_seeds_are_a_small_page(pages: dict[str, Path]) -> None:
    assert pages["one run"].stat().st_size < 2**20


# Keyboard and accessibility


def test_the_keyboard_reaches_all_in_order(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    expected = page.evaluate(f"() => ({REACHABLE})().map(item => item.textContent.slice(0, 99))")
    assert len(expected) > 10
    reached = []
    for _ in expected:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.slice(0, 99)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline not in ("none", ""), f"{reached[-1]} does not show that it has the focus"
    assert reached == expected
    kinds = page.evaluate(
        f"() => ({REACHABLE})().map(item => item.matches('.tile, summary') ? item.tagName : '')"
    )
    assert {"A", "SUMMARY"} <= set(kinds)


def test_the_first_link_leads_past_the_contents(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    box = skip.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_enter_opens_and_closes_details(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    page.evaluate("document.querySelector('details:not([open])').id = 'folded'")
    folded = page.locator("#folded")
    folded.locator("summary").first.focus()
    inside = folded.locator("> .inside")
    assert not inside.is_visible()
    page.keyboard.press("Enter")
    assert inside.is_visible()
    page.keyboard.press("Enter")
    assert not inside.is_visible()


def test_enter_on_a_tile_leads_to_its_details(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    tiles = page.locator("a.tile")
    assert tiles.count() >= 2
    for tile in tiles.all():
        target = str(tile.get_attribute("href"))
        tile.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == target
        details = page.locator(f"[id='{target[1:]}']")
        assert details.is_visible()
        box = details.bounding_box()
        assert box is not None
        assert -1 <= box["y"] < 900


def test_all_links_lead_somewhere(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    links = page.locator("a")
    assert links.count() > 8
    targets = [str(link.get_attribute("href")) for link in links.all()]
    assert [target for target in targets if not target.startswith("#")] == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert {target[1:] for target in targets} <= set(ids)
    assert len(ids) == len(set(ids))
    named = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')]"
        ".flatMap(element => element.getAttribute('aria-labelledby').split(/\\s+/))"
    )
    assert set(named) <= set(ids)


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1200), ("dark", 1200), ("dark", PHONE_WIDTH)]
)
def test_axe_finds_nothing_serious(
    pages: dict[str, Path], visit: Visitor, scheme: str, width: int
) -> None:
    page = visit(pages["several"], scheme=scheme, width=width).page
    page.evaluate(UNFOLD)
    results = Axe().run(page).response
    violations = [
        f"{violation['id']} ({violation['impact']}): {violation['nodes'][0]['html']}"
        for violation in results["violations"]
        if violation["impact"] in SERIOUS_IMPACTS
    ]
    assert violations == []
    checked = {rule["id"] for rule in results["passes"]}
    assert {
        "color-contrast",
        "svg-img-alt",
        "link-name",
        "scrollable-region-focusable",
    } <= checked


def test_charts_are_images_with_a_name_and_a_description(path: Path, visit: Visitor) -> None:
    page = visit(path).page
    charts = page.get_by_role("img")
    assert charts.count() >= 4
    for chart in charts.all():
        name, description = chart.locator("title").text_content(), chart.locator("desc")
        assert name
        assert len(description.text_content() or "") > len(name)


# Colours and layout


def test_each_scheme_has_its_own_colours(path: Path, visit: Visitor) -> None:
    def colours(scheme: str) -> tuple[float, list[str], list[str]]:
        page = visit(path, scheme=scheme).page
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        styles = (
            "[...document.querySelectorAll('svg.chart {}')]"
            ".map(element => getComputedStyle(element).{})"
        )
        ink = page.evaluate(styles.format("text", "fill"))
        lines = page.evaluate(styles.format("path", "stroke"))
        numbers = ground[ground.index("(") + 1 : -1].split(",")
        return sum(float(number) for number in numbers[:3]) / 765, ink, lines

    (light, light_ink, light_lines), (dark, dark_ink, dark_lines) = map(colours, SCHEMES)
    assert light > 0.8
    assert dark < 0.2
    assert set(light_ink).isdisjoint(dark_ink)
    assert len(set(light_lines) - {"none"}) > 3
    assert set(light_lines) & set(dark_lines) <= {"none"}


@pytest.mark.parametrize("width", [PHONE_WIDTH, 1200])
def test_no_text_of_a_chart_overlaps_another(path: Path, visit: Visitor, width: int) -> None:
    page = visit(path, width=width).page
    assert page.locator("svg.chart text").count() > 50
    assert page.evaluate(MISPLACED_TEXTS) == []


@pytest.mark.parametrize("width", [PHONE_WIDTH, 800, 1200, 1920])
def test_a_verdict_its_difference_and_what_is_allowed_are_seen_at_any_width(
    path: Path, visit: Visitor, width: int
) -> None:
    page = visit(path, width=width).page
    seen = page.evaluate(METRICS)
    assert any("difference" in column for column, _ in seen)
    assert any(column == "allowed" for column, _ in seen)
    assert [column for column, shown in seen if not shown] == []


def test_on_a_phone_only_wide_blocks_scroll_sideways(path: Path, visit: Visitor) -> None:
    page = visit(path, width=PHONE_WIDTH).page
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    too_wide = page.evaluate(
        "() => [...document.querySelectorAll('main *')].filter(element =>"
        " !element.closest('.scroll, svg, .unseen')"
        f" && element.getBoundingClientRect().right > {PHONE_WIDTH} + 1)"
        ".map(element => element.outerHTML)"
    )
    assert too_wide == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_paper_it_is_dark_on_light_and_unfolded(path: Path, visit: Visitor, scheme: str) -> None:
    page = visit(path, scheme=scheme).page
    page.emulate_media(media="print", color_scheme="dark" if scheme == "dark" else "light")
    style = "getComputedStyle(document.body)"
    assert page.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(f"{style}.color") == "rgb(0, 0, 0)"
    assert not page.locator("nav.contents").is_visible()
    tables = page.locator("figure table")
    assert tables.count() > 0
    assert all(table.evaluate("item => item.checkVisibility()") for table in tables.all())
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")


def test_the_numbers_of_a_chart_are_in_its_table(pages: dict[str, Path], visit: Visitor) -> None:
    page = visit(pages["one run"]).page
    figure = page.locator("figure", has_text="loss by epoch")
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    assert rows.count() == 20
    assert rows.last.locator("th").inner_text() == "20"


def test_a_trace_names_its_layer_and_shows_its_script(
    pages: dict[str, Path], visit: Visitor
) -> None:
    page = visit(pages["several"]).page
    page.evaluate(UNFOLD)
    text = page.locator("body").inner_text()
    assert "MaxPooling1D" in text
    assert f"import keras\n# {EVIL}" in text
    assert "first to differ" in page.locator("svg.chart").all_text_contents()[-2]
    assert msgspec.json.decode(to_json(traced()), type=Trace) == traced()
