"""Charts as what they are written into: pages and files; and their words, whatever the names."""

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
from keras_matrix.report.plots.chart import clean, label, listed, slug, unique
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
    """Every kind of chart that names a metric."""
    records = run(metric)
    rules = Tolerances((Tolerance(metric="*", atol=0.2),))
    compared = compare_images(
        records,
        images=("tf", "theano"),
        planned=(),
        tolerances=rules,
        compare_arrays=lambda *_: None,
        title="a run",
    )
    days = [datetime(2026, 1, day, tzinfo=timezone.utc) for day in (1, 2)]
    return [
        *plots.curves(records, ("tf", "theano")),
        *plots.forest(compared),
        *plots.times(records, ("tf", "theano")),
        plots.history({metric: list(zip(days, (0.1, 0.2), strict=True))}, metric),
    ]


@pytest.fixture(scope="module")
def charts() -> list[Chart]:
    return all_charts()


def attributes(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for one in element.iter():
        yield from one.attrib.items()


# In a page


def test_a_chart_is_told_without_its_picture(charts: list[Chart]) -> None:
    for chart in charts:
        root = parsed(plots.svg(chart, "p"))
        assert root.get("role") == "img"
        named = {one.get("id"): one.text for one in root if local(one) in ("title", "desc")}
        assert named == {"p-title": chart.title, "p-desc": chart.description}
        assert str(root.get("aria-labelledby")).split() == list(named)


def test_nothing_runs_and_nothing_is_fetched(charts: list[Chart]) -> None:
    seen = {"svg", "title", "desc", "g", "defs", "path", "use", "text", "clipPath", "rect"}
    for chart in charts:
        text = plots.svg(chart, "p")
        root = parsed(text)
        assert {local(one) for one in root.iter()} <= seen
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        for name, value in attributes(root):
            assert not name.lower().startswith("on")
            assert name != "href" or value.startswith("#p-")


def test_ids_are_those_of_their_chart_and_all_are_found(charts: list[Chart]) -> None:
    ids = []
    for number, chart in enumerate((*charts, *charts)):
        root = parsed(plots.svg(chart, f"chart{number}"))
        own = [value for name, value in attributes(root) if name == "id"]
        assert all(one.startswith(f"chart{number}-") for one in own)
        asked = {value[1:] for name, value in attributes(root) if name == "href"}
        asked |= {
            found for _, value in attributes(root) for found in re.findall(r"url\(#(.*?)\)", value)
        }
        assert asked <= set(own)
        ids += own
    assert len(ids) == len(set(ids))


def test_colours_are_the_pages(charts: list[Chart]) -> None:
    for chart in charts:
        text = plots.svg(chart, "p")
        used = VARIABLE.findall(text)
        assert set(used) <= theme.LIGHT.items()
        assert "#" not in re.sub(r'(url\(|href=")#', "", VARIABLE.sub("", text))
        for one in parsed(text).iter():
            if local(one) == "text":
                style = one.get("style", "")
                assert "fill: currentColor" in style or "fill: var(--" in style
                assert "font-family: inherit" in style


def test_both_schemes_have_all_colours() -> None:
    assert theme.DARK.keys() == theme.LIGHT.keys() == set(theme.PROPERTIES.values())
    assert len(set(theme.PROPERTIES)) == len(theme.PROPERTIES)


def test_it_comes_out_the_same_each_time() -> None:
    one, two = all_charts(), all_charts()
    for first, second in zip(one, two, strict=True):
        text = plots.svg(first, "p")
        assert text == plots.svg(first, "p") == plots.svg(second, "p")
        assert "20" + "26-" not in text.replace(first.description, "") or "history" in first.name


def test_the_prefix_begins_an_id(charts: list[Chart]) -> None:
    for prefix in ("", "1", "a b", '"><script>'):
        with pytest.raises(ValueError, match="cannot begin an id"):
            plots.svg(charts[0], prefix)


def test_no_settings_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [plots.svg(chart, "p") for chart in all_charts()]
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "path"}):
        found = [plots.svg(chart, "p") for chart in all_charts()]
        assert matplotlib.rcParams["font.size"] == 30
    assert found == expected


# Names from outside


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str, tmp_path: Path) -> None:
    found = all_charts(name)
    assert len(found) == 5
    for chart in found:
        root = parsed(plots.svg(chart, "p"))
        assert not {local(one) for one in root.iter()} & {"script", "b", "image", "a"}
        for cell in (chart.title, chart.description, *chart.header, *itertools.chain(*chart.rows)):
            assert not re.search(r"[\x00-\x1f\x7f\ufffe\uffff]", cell)
        assert all(len(text) < 70 for text in texts(root))
        assert re.fullmatch(r"[a-z0-9-]{1,70}", chart.name)
    plots.save(found[0], tmp_path / "chart.png")


def test_a_name_is_drawn_as_it_is() -> None:
    (curve, *_) = plots.curves(run("$a$ <b> & c"), ("tf", "theano"))
    assert "$a$ <b> & c, median" in drawn(curve)
    (curve, *_) = plots.curves(run("損失"), ("tf", "theano"))
    assert "損失, median" in drawn(curve)


def test_a_colour_in_a_name_is_left_alone() -> None:
    (curve, *_) = plots.curves(run("is #0072b2"), ("tf", "theano"))
    assert "is #0072b2, median" in drawn(curve)


def test_a_long_name_keeps_its_ends() -> None:
    assert label("abc" * 3) == "abcabcabc"
    short = label("first " + "x" * 500 + " last", 16)
    assert len(short) <= 16
    assert (short.startswith("first"), short.endswith("last"), "…" in short) == (True,) * 3
    assert label(" \n") == clean("\x00") == "(no name)"


def test_slugs_are_unique() -> None:
    assert slug("curves", "fit#2", "val/loss <b>") == "curves-fit-2-val-loss-b"
    assert slug("損失") == "chart"
    assert unique(["a", "b", "a", "a", "a-2"]) == ["a", "b", "a-2", "a-3", "a-2-2"]


def test_what_is_too_much_is_counted() -> None:
    assert listed(["a", "b"]) == "a; b"
    assert listed("abcdef", 2) == "a; b; and 4 more"


# In files


def test_an_svg_of_its_own(charts: list[Chart], tmp_path: Path) -> None:
    path = tmp_path / "a" / "chart.svg"
    plots.save(charts[0], path)
    text = path.read_text(encoding="utf-8")
    root = parsed(text)
    assert "var(" not in text
    assert "currentColor" not in text
    assert {"#ffffff", theme.TEXT, theme.SERIES[0], theme.SERIES[1]} <= set(
        re.findall("#[0-9a-f]{6}", text)
    )
    assert (float(root.get("width", 0)), float(root.get("height", 0))) > (600, 200)
    assert root.get("font-family") == "sans-serif"
    plots.save(charts[0], path)
    assert path.read_text(encoding="utf-8") == text
    assert [one.name for one in path.parent.iterdir()] == ["chart.svg"]


def test_a_png(charts: list[Chart], tmp_path: Path) -> None:
    path = tmp_path / "chart.PNG"
    plots.save(charts[0], path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width = int.from_bytes(content[16:20], "big")
    assert width == 640 * 2
    plots.save(charts[0], path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["chart.pdf", "chart", "chart.svg.gz"])
def test_other_files_are_refused(name: str, charts: list[Chart], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"must end in \.png or \.svg"):
        plots.save(charts[0], tmp_path / name)
    assert not list(tmp_path.iterdir())


# Size, and what it costs


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
    found = (*plots.curves(records, ("tf",)), *plots.times(records, ("tf",)))
    assert len(found) == 2
    assert all(len(plots.svg(chart, "prefix")) < 60_000 for chart in found)


def test_no_window_and_no_shared_state(charts: list[Chart]) -> None:
    assert all(isinstance(chart.figure, Figure) for chart in charts)
    assert "matplotlib.pyplot" not in sys.modules


def test_help_needs_no_plots() -> None:
    code = "import sys, keras_matrix.cli.root; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


# History


def at(day: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)


def test_history_goes_by_time() -> None:
    chart = plots.history(
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
    given = [(datetime(2026, 1, 1, 6, tzinfo=east), 1.0), (naive, 2.0)]
    chart = plots.history({"tf": given}, "loss")
    assert [row[0] for row in chart.rows] == ["2026-01-01 04:00:00", "2026-01-01 06:00:00"]


def test_one_run_is_a_history() -> None:
    chart = plots.history({"tf": [(at(0), 0.5)], "theano": []}, "loss")
    assert chart.rows == (("2026-01-01 00:00:00", "0.5"),)
    assert "loss over 1 run: " in chart.description
    plots.svg(chart, "p")


def test_no_run_is_no_history() -> None:
    with pytest.raises(ValueError, match="no run"):
        plots.history({"tf": []}, "loss")


def test_values_that_are_not_finite_are_gaps_and_told() -> None:
    values = [0.1, math.nan, math.inf, 1e300, 0.2]
    chart = plots.history({"tf": [(at(n), v) for n, v in enumerate(values)]}, "loss")
    assert [row[1] for row in chart.rows] == ["0.1", "nan", "inf", "1e+300", "0.2"]
    assert "Not finite, and marked by a cross: 3 values." in chart.description
    assert "not finite" in drawn(chart)
    lost = plots.history({"tf": [(at(0), math.nan)]}, "loss")
    assert "tf has no finite value" in lost.description
    assert "no finite value" in drawn(lost)


def test_of_many_runs_the_last() -> None:
    chart = plots.history({"tf": [(at(n), n / 10) for n in range(1000)]}, "loss")
    assert len(chart.rows) == 200
    assert chart.rows[-1][1] == "99.9"
    assert "over 1000 runs" in chart.description
    assert "The last 200 are shown." in chart.description
    assert len(plots.svg(chart, "p")) < 60_000
