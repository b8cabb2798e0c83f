"""Charts in pages and in files, and their texts with names from outside."""

import itertools
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure

from keras_matrix.compare.pairs import compare_images
from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import Tolerance, Tolerances
from keras_matrix.report import plots
from keras_matrix.report.plots import Chart, theme
from keras_matrix.report.plots.chart import clean, listed_parts, make_unique, short_label, slug
from tests.unit.records.builders import call, record
from tests.unit.report.plots.builders import drawn, epochs, local, parsed, run, texts

HOSTILE = (
    "<script>alert(1)</script> & ]]> <b> \" '",
    "$\\frac{1}{0}$ 日本語 😀 #0072b2 url(#a)",
    "a\nb\x1b[31mred\x1b[0m\x00 \ufffe\uffff",
    "",
    "a_name_that_goes_on_" * 40,
)
VARIABLE = re.compile(r"var\((--[a-z0-9-]+), (#[0-9a-f]{6})\)")


def all_charts(metric: str = "loss") -> list[Chart]:
    """Make every kind of chart that names a metric."""
    records = run(metric)
    comparison = compare_images(
        records,
        images=("tf", "theano"),
        planned=(),
        tolerances=Tolerances((Tolerance(metric="*", atol=0.2),)),
        compare_arrays=lambda *_: None,
        title="a run",
    )
    days = [datetime(2026, 1, day, tzinfo=timezone.utc) for day in (1, 2)]
    return [
        *plots.draw_curves(records, ("tf", "theano")),
        *plots.draw_differences(comparison),
        *plots.draw_times(records, ("tf", "theano")),
        plots.draw_history({metric: list(zip(days, (0.1, 0.2), strict=True))}, metric),
    ]


@pytest.fixture(scope="module")
def charts() -> list[Chart]:
    return all_charts()


def attributes(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for descendant in element.iter():
        yield from descendant.attrib.items()


# In a page


def test_a_chart_has_a_title_and_a_description_for_screen_readers(charts: list[Chart]) -> None:
    for chart in charts:
        root = parsed(plots.chart_as_svg(chart, "p"))
        assert root.get("role") == "img"
        named = {child.get("id"): child.text for child in root if local(child) in ("title", "desc")}
        assert named == {"p-title": chart.title, "p-desc": chart.description}
        assert str(root.get("aria-labelledby")).split() == list(named)


def test_nothing_runs_and_nothing_is_fetched(charts: list[Chart]) -> None:
    allowed = {"svg", "title", "desc", "g", "defs", "path", "use", "text", "clipPath", "rect"}
    for chart in charts:
        text = plots.chart_as_svg(chart, "p")
        root = parsed(text)
        assert {local(element) for element in root.iter()} <= allowed
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        for name, value in attributes(root):
            assert not name.lower().startswith("on")
            assert name != "href" or value.startswith("#p-")


def test_ids_begin_with_their_charts_prefix_and_each_reference_has_one(charts: list[Chart]) -> None:
    ids = []
    for number, chart in enumerate((*charts, *charts)):
        root = parsed(plots.chart_as_svg(chart, f"chart{number}"))
        own = [value for name, value in attributes(root) if name == "id"]
        assert all(value.startswith(f"chart{number}-") for value in own)
        referenced = {value[1:] for name, value in attributes(root) if name == "href"}
        referenced |= {
            name for _, value in attributes(root) for name in re.findall(r"url\(#(.*?)\)", value)
        }
        assert referenced <= set(own)
        ids += own
    assert len(ids) == len(set(ids))


def test_colours_are_the_pages(charts: list[Chart]) -> None:
    for chart in charts:
        text = plots.chart_as_svg(chart, "p")
        used = VARIABLE.findall(text)
        assert set(used) <= theme.LIGHT_COLORS.items()
        assert "#" not in re.sub(r'(url\(|href=")#', "", VARIABLE.sub("", text))
        for element in parsed(text).iter():
            if local(element) == "text":
                style = element.get("style", "")
                assert "fill: currentColor" in style or "fill: var(--" in style
                assert "font-family: inherit" in style


def test_both_schemes_have_all_colours() -> None:
    assert (
        theme.DARK_COLORS.keys() == theme.LIGHT_COLORS.keys() == set(theme.CSS_PROPERTIES.values())
    )
    assert len(set(theme.CSS_PROPERTIES)) == len(theme.CSS_PROPERTIES)


def test_a_chart_is_the_same_each_time() -> None:
    for first, second in zip(all_charts(), all_charts(), strict=True):
        text = plots.chart_as_svg(first, "p")
        assert text == plots.chart_as_svg(first, "p") == plots.chart_as_svg(second, "p")
        assert "20" + "26-" not in text.replace(first.description, "") or "history" in first.name


def test_the_prefix_begins_an_id(charts: list[Chart]) -> None:
    for prefix in ("", "1", "a b", '"><script>'):
        with pytest.raises(ValueError, match="cannot begin an id"):
            plots.chart_as_svg(charts[0], prefix)


def test_the_users_own_settings_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [plots.chart_as_svg(chart, "p") for chart in all_charts()]
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "path"}):
        drawn_anyway = [plots.chart_as_svg(chart, "p") for chart in all_charts()]
        assert matplotlib.rcParams["font.size"] == 30
    assert drawn_anyway == expected


# Names from outside


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str, tmp_path: Path) -> None:
    charts = all_charts(name)
    assert len(charts) == 5
    for chart in charts:
        root = parsed(plots.chart_as_svg(chart, "p"))
        assert not {local(element) for element in root.iter()} & {"script", "b", "image", "a"}
        for cell in (chart.title, chart.description, *chart.header, *itertools.chain(*chart.rows)):
            assert not re.search(r"[\x00-\x1f\x7f\ufffe\uffff]", cell)
        assert all(len(text) < 70 for text in texts(root))
        assert re.fullmatch(r"[a-z0-9-]{1,70}", chart.name)
    plots.save_chart(charts[0], tmp_path / "chart.png")


def test_a_name_is_drawn_as_it_is() -> None:
    (curve, *_) = plots.draw_curves(run("$a$ <b> & c"), ("tf", "theano"))
    assert "$a$ <b> & c, median" in drawn(curve)
    (curve, *_) = plots.draw_curves(run("損失"), ("tf", "theano"))
    assert "損失, median" in drawn(curve)


def test_a_colour_in_a_name_is_left_alone() -> None:
    (curve, *_) = plots.draw_curves(run("is #0072b2"), ("tf", "theano"))
    assert "is #0072b2, median" in drawn(curve)


def test_a_long_name_keeps_its_ends() -> None:
    assert short_label("abc" * 3) == "abcabcabc"
    shortened = short_label("first " + "x" * 500 + " last", 16)
    assert len(shortened) <= 16
    assert (shortened.startswith("first"), shortened.endswith("last"), "…" in shortened) == (
        True,
    ) * 3
    assert short_label(" \n") == clean("\x00") == "(no name)"


def test_slugs_are_unique() -> None:
    assert slug("curves", "fit#2", "val/loss <b>") == "curves-fit-2-val-loss-b"
    assert slug("損失") == "chart"
    assert make_unique(["a", "b", "a", "a", "a-2"]) == ["a", "b", "a-2", "a-3", "a-2-2"]


def test_a_list_counts_the_parts_it_leaves_out() -> None:
    assert listed_parts(["a", "b"]) == "a; b"
    assert listed_parts("abcdef") == "a; b; c; d and 2 more"


# In files


def test_an_svg_file_is_complete(charts: list[Chart], tmp_path: Path) -> None:
    path = tmp_path / "a" / "chart.svg"
    plots.save_chart(charts[0], path)
    text = path.read_text(encoding="utf-8")
    root = parsed(text)
    assert "var(" not in text
    assert "currentColor" not in text
    assert {"#ffffff", theme.TEXT_COLOR, theme.SERIES_COLORS[0], theme.SERIES_COLORS[1]} <= set(
        re.findall("#[0-9a-f]{6}", text)
    )
    assert (float(root.get("width", 0)), float(root.get("height", 0))) > (600, 200)
    assert root.get("font-family") == "sans-serif"
    plots.save_chart(charts[0], path)
    assert path.read_text(encoding="utf-8") == text
    assert [file.name for file in path.parent.iterdir()] == ["chart.svg"]


def test_a_png_file_has_twice_the_pixels(charts: list[Chart], tmp_path: Path) -> None:
    path = tmp_path / "chart.PNG"
    plots.save_chart(charts[0], path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width = int.from_bytes(content[16:20], "big")
    assert width == 640 * 2
    plots.save_chart(charts[0], path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["chart.pdf", "chart", "chart.svg.gz"])
def test_other_file_formats_are_refused(name: str, charts: list[Chart], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"must end in \.png or \.svg"):
        plots.save_chart(charts[0], tmp_path / name)
    assert not list(tmp_path.iterdir())


# Size and imports


def test_thirty_seeds_of_two_images_are_small() -> None:
    records = [
        record(
            Cell(image, seed=seed),
            call(
                "fit",
                epochs=epochs("loss", *(1 / (n + 1) + seed / 50 for n in range(100))),
                seconds=2.0 + seed,
                first_batch_seconds=0.1 * seed + 0.1,
            ),
            call("evaluate", {"loss": 0.1}, seconds=1.0 + seed / 10),
        )
        for image in ("tf", "theano")
        for seed in range(30)
    ]
    charts = (*plots.draw_curves(records, ("tf",)), *plots.draw_times(records, ("tf",)))
    assert len(charts) == 2
    assert all(len(plots.chart_as_svg(chart, "prefix")) < 60_000 for chart in charts)


def test_no_window_and_no_shared_state(charts: list[Chart]) -> None:
    assert all(isinstance(chart.figure, Figure) for chart in charts)
    assert "matplotlib.pyplot" not in sys.modules


def test_help_needs_no_plots() -> None:
    code = "import sys, keras_matrix.cli.root; print('matplotlib' in sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout.strip() == "False"


# History


def at(day: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)


def test_history_goes_by_time() -> None:
    chart = plots.draw_history(
        {"tf": [(at(2), 0.3), (at(0), 0.1)], "theano": [(at(2), 0.5)]}, "evaluate.loss"
    )
    assert (chart.name, chart.title) == ("history-evaluate-loss", "evaluate.loss over runs")
    assert chart.header == ("run, UTC", "tf", "theano")
    assert chart.rows == (
        ("2026-01-01 00:00:00", "0.1", "-"),
        ("2026-01-03 00:00:00", "0.3", "0.5"),
    )
    assert chart.description == (
        "evaluate.loss over 2 runs: tf between 0.1 and 0.3, last 0.3; "
        "theano between 0.5 and 0.5, last 0.5."
    )


def test_times_of_other_zones_are_shown_as_utc() -> None:
    east = timezone(timedelta(hours=2))
    naive = datetime(2026, 1, 1, 6)
    runs = [(datetime(2026, 1, 1, 6, tzinfo=east), 1.0), (naive, 2.0)]
    chart = plots.draw_history({"tf": runs}, "loss")
    assert [row[0] for row in chart.rows] == ["2026-01-01 04:00:00", "2026-01-01 06:00:00"]


def test_a_history_may_have_one_run() -> None:
    chart = plots.draw_history({"tf": [(at(0), 0.5)], "theano": []}, "loss")
    assert chart.rows == (("2026-01-01 00:00:00", "0.5"),)
    assert "loss over 1 run: " in chart.description
    plots.chart_as_svg(chart, "p")


def test_a_history_without_a_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="no run"):
        plots.draw_history({"tf": []}, "loss")


def test_values_that_are_not_finite_are_gaps_and_are_mentioned() -> None:
    values = [0.1, math.nan, math.inf, 1e300, 0.2]
    chart = plots.draw_history({"tf": [(at(n), v) for n, v in enumerate(values)]}, "loss")
    assert [row[1] for row in chart.rows] == ["0.1", "nan", "inf", "1e+300", "0.2"]
    assert "3 values are not finite and marked by a cross." in chart.description
    assert "not finite" in drawn(chart)
    without_value = plots.draw_history({"tf": [(at(0), math.nan)]}, "loss")
    assert "tf has no finite value" in without_value.description
    assert "no finite value" in drawn(without_value)


def test_the_last_of_many_runs_are_drawn() -> None:
    chart = plots.draw_history({"tf": [(at(n), n / 10) for n in range(1000)]}, "loss")
    assert len(chart.rows) == 200
    assert chart.rows[-1][1] == "99.9"
    assert "over 1000 runs" in chart.description
    assert "The last 200 are drawn." in chart.description
    assert len(plots.chart_as_svg(chart, "p")) < 60_000
