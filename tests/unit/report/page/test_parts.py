"""Parts of the report's page that can be tested without a page."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import pytest

from keras_matrix.report.page import failures, rerun
from keras_matrix.report.page.blocks import TONE_SYMBOLS, Tone
from keras_matrix.report.plots import LIGHT_COLORS

STYLE_SHEET = (
    resources.files("keras_matrix.report.page").joinpath("templates", "page.css").read_text("utf-8")
)


# Logs


def test_a_short_log_is_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    assert failures.excerpt(path) == failures.Excerpt("one\ntwo\n", 8, 0)


def test_a_missing_log_has_no_excerpt(tmp_path: Path) -> None:
    assert failures.excerpt(tmp_path / "log") is None


def test_a_long_log_is_shortened_to_whole_lines_of_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    content = "".join(f"line {number}\n" for number in range(10_000))
    path.write_text(content)
    excerpt = failures.excerpt(path)
    assert excerpt is not None
    beginning, _, rest = excerpt.text.partition(f"\n\n{failures.ELLIPSIS} ")
    omitted, _, end = rest.partition(f" left out {failures.ELLIPSIS}\n\n")
    assert content.startswith(f"{beginning}\n")
    assert content.endswith(f"\n{end}")
    assert omitted == "81 KiB"
    assert excerpt.size == len(content)
    assert excerpt.omitted == len(content) - len(beginning) - 1 - len(end)


def test_an_endless_line_is_shortened_to_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * 30_000 + b"z" * 30_000)
    excerpt = failures.excerpt(path)
    assert excerpt is not None
    assert excerpt.text.startswith("aaa")
    assert excerpt.text.endswith("zzz")
    assert max(map(len, excerpt.text.split("\n"))) <= failures.MAX_LINE_LENGTH + 3
    assert excerpt.omitted == 60_000 - failures.MAX_HEAD - failures.MAX_TAIL


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
def test_output_is_shown_as_a_terminal_displays_it(text: str, expected: str) -> None:
    assert failures.as_displayed(text) == expected


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
def test_the_command_neither_names_nor_selects_a_run(command: str, expected: str) -> None:
    assert rerun.rerun_command(command.split()) == expected


def test_the_command_can_be_pasted_into_a_shell() -> None:
    words = ("keras-matrix", "run", "my model.py", "--tolerance", "evaluate.*=1", "; rm x")
    assert rerun.rerun_command(words) == (
        "keras-matrix run 'my model.py' --tolerance 'evaluate.*=1' '; rm x'"
    )


# Colours


def properties(block: str) -> dict[str, str]:
    """Return the custom properties that a part of the style sheet sets, with their colours."""
    return dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{3,6});", block))


def scheme_colors(name: str) -> Mapping[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE_SHEET, re.DOTALL)[:2]
    printed = STYLE_SHEET.partition("@media print")[2].partition("}")[0]
    changed = {"light": "", "dark": dark, "print": printed}[name]
    return {**properties(light), **properties(changed)}


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(color: str, background: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(color), luminance(background)))
    return (high + 0.05) / (low + 0.05)


EACH_SCHEME = pytest.mark.parametrize("scheme", ["light", "dark", "print"])


def test_contrast_is_computed_as_in_the_standard() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@EACH_SCHEME
def test_series_and_lines_stand_out_from_the_background(scheme: str) -> None:
    colors = scheme_colors(scheme)
    series = [f"--series-{number}" for number in range(1, 9)]
    for name in (*series, "--neutral", "--agree", "--differ", "--inconclusive", "--focus"):
        assert contrast(colors[name], colors["--paper"]) >= 3, name


@EACH_SCHEME
def test_text_can_be_read(scheme: str) -> None:
    colors = scheme_colors(scheme)
    for ground in ("--ground", "--paper", "--code"):
        for text in ("--ink", "--muted", "--link"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for tone in ("agree", "differ", "inconclusive", "failed", "reference", "quiet"):
        tint = colors[f"--{tone}-tint"]
        assert contrast(colors[f"--{tone}"], tint) >= 4.5, tone
        assert contrast(colors["--ink"], tint) >= 4.5, tone


@EACH_SCHEME
def test_the_style_sheet_sets_all_colours_of_plots(scheme: str) -> None:
    assert set(LIGHT_COLORS) <= set(scheme_colors(scheme))


def test_every_tone_has_a_symbol_of_its_own_and_a_class() -> None:
    assert len(set(TONE_SYMBOLS.values())) == len(Tone)
    for tone in Tone:
        assert f".{tone.value}" in STYLE_SHEET


def test_the_style_sheet_loads_nothing() -> None:
    assert "url(" not in STYLE_SHEET
    assert "@import" not in STYLE_SHEET
    assert "</style" not in STYLE_SHEET
