"""Parts of the report's page that need no page to be seen."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

from keras_matrix.report.page import again, failures
from keras_matrix.report.page.blocks import MARKS, Tone
from keras_matrix.report.plots import LIGHT_COLORS

GAP = "\N{HORIZONTAL ELLIPSIS}"
STYLE = (
    resources.files("keras_matrix.report.page").joinpath("templates", "page.css").read_text("utf-8")
)


# Logs


def test_a_short_log_is_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    assert failures.excerpt(path) == failures.Excerpt("one\ntwo\n", 8, 0)


def test_there_may_be_no_log(tmp_path: Path) -> None:
    assert failures.excerpt(tmp_path / "log") is None


def test_of_a_long_log_whole_lines_of_both_ends_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    content = "".join(f"line {number}\n" for number in range(10_000))
    path.write_text(content)
    found = failures.excerpt(path)
    assert found is not None
    begin, _, rest = found.text.partition(f"\n\n{GAP} ")
    told, _, end = rest.partition(f" left out {GAP}\n\n")
    assert content.startswith(f"{begin}\n")
    assert content.endswith(f"\n{end}")
    assert told == "81 KiB"
    assert found.size == len(content)
    assert found.omitted == len(content) - len(begin) - 1 - len(end)


def test_of_one_endless_line_both_ends_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * 30_000 + b"z" * 30_000)
    found = failures.excerpt(path)
    assert found is not None
    assert found.text.startswith("aaa")
    assert found.text.endswith("zzz")
    assert max(map(len, found.text.split("\n"))) <= failures.LONGEST_LINE + 3
    assert found.omitted == 60_000 - failures.HEAD - failures.TAIL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2\r2/2\r", "2/2"),
        ("1/2\r2/2\nnext\r\n", "2/2\nnext\n"),
        ("\x1b[31mred\x1b[0m\x08\x00", "red"),
        ("tab\tand  spaces", "tab\tand  spaces"),
        ("\u202eright to left", "right to left"),
    ],
)
def test_output_is_shown_as_a_terminal_leaves_it(text: str, expected: str) -> None:
    assert failures.shown(text) == expected


# The command


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("keras-matrix run model.py --run x --seeds 3", "keras-matrix run model.py --seeds 3"),
        ("keras-matrix run model.py --run=x -q -v", "keras-matrix run model.py"),
        ("keras-matrix run m.py --only tf --on tf,theano", "keras-matrix run m.py --on tf,theano"),
        ("keras-matrix run m.py -- --run x -q", "keras-matrix run m.py -- --run x -q"),
        ("keras-matrix run m.py --run", "keras-matrix run m.py"),
    ],
)
def test_the_command_names_no_run_and_no_part_of_one(command: str, expected: str) -> None:
    assert again.again(command.split()) == expected


def test_the_command_can_be_pasted_into_a_shell() -> None:
    words = ("keras-matrix", "run", "my model.py", "--tolerance", "evaluate.*=1", "; rm x")
    assert again.again(words) == (
        "keras-matrix run 'my model.py' --tolerance 'evaluate.*=1' '; rm x'"
    )


# Colours


def properties(block: str) -> dict[str, str]:
    """Return the colours that a part of the style sheet sets."""
    return dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{3,6});", block))


def scheme(name: str) -> Mapping[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
    printed = STYLE.partition("@media print")[2].partition("}")[0]
    changed = {"light": "", "dark": dark, "print": printed}[name]
    return {**properties(light), **properties(changed)}


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * one for one in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


SCHEMES = pytest.mark.parametrize("name", ["light", "dark", "print"])


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@SCHEMES
def test_series_and_lines_can_be_told_from_the_ground(name: str) -> None:
    colors = scheme(name)
    drawn = [f"--series-{number}" for number in range(1, 9)]
    for one in (*drawn, "--neutral", "--agree", "--differ", "--inconclusive", "--focus"):
        assert contrast(colors[one], colors["--paper"]) >= 3, one


@SCHEMES
def test_text_can_be_read(name: str) -> None:
    colors = scheme(name)
    for ground in ("--ground", "--paper", "--code"):
        for one in ("--ink", "--muted", "--link"):
            assert contrast(colors[one], colors[ground]) >= 4.5, (one, ground)
    for tone in ("agree", "differ", "inconclusive", "failed", "reference", "quiet"):
        tint = colors[f"--{tone}-tint"]
        assert contrast(colors[f"--{tone}"], tint) >= 4.5, tone
        assert contrast(colors["--ink"], tint) >= 4.5, tone


@SCHEMES
def test_the_style_sheet_colours_all_that_plots_name(name: str) -> None:
    assert set(LIGHT_COLORS) <= set(scheme(name))


def test_every_tone_has_a_sign_of_its_own_and_a_class() -> None:
    assert len(set(MARKS.values())) == len(Tone)
    for tone in Tone:
        assert f".{tone.value}" in STYLE


def test_the_style_sheet_loads_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "</style" not in STYLE
