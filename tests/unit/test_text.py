import json

import pytest

from keras_matrix.text import (
    MAX_BRIEF,
    and_more,
    brief,
    displayed_line,
    last_lines,
    listed,
    plural,
    printable,
    safe_json,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünï, 数, 🎉\tand\ntwo lines", "plain, ünï, 数, 🎉\tand\ntwo lines"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b[?25lhidden", "hidden"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bcreset", "reset"),
        ("back\x08\x08space\r", "backspace"),
        ("nul\x00bell\x07del\x7f", "nulbelldel"),
        ("\x1b", ""),
    ],
)
def test_control_sequences_are_gone(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("code", [*range(0x80, 0xA0), *range(0x0B, 0x20)])
def test_no_control_character_is_left(code: int) -> None:
    assert chr(code) not in printable(f"a{chr(code)}[31mb")


# Unicode's Bidi_Control property.
@pytest.mark.parametrize(
    "code", [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
def test_no_direction_character_is_left(code: int) -> None:
    assert printable(f"ab{chr(code)}cd") == "abcd"


def test_removing_one_sequence_does_not_make_another() -> None:
    assert "\x1b" not in printable("\x1b\x1b[31m[31mx")
    assert "\x9b" not in printable("\x9b\x1b[0m31mx")


def test_a_short_text_stays_as_it_is_on_one_line() -> None:
    assert brief("ValueError: \x1b[31mno\n\n  way\t!") == "ValueError: no way !"
    assert brief("x" * MAX_BRIEF) == "x" * MAX_BRIEF


def test_of_a_long_text_its_beginning_and_its_end_are_left() -> None:
    shown = brief(f"TypeError: {'so ' * 500}\n(model.py, line 7); the script was shortened")
    assert len(shown) <= MAX_BRIEF
    assert shown.startswith("TypeError: so so")
    assert " … " in shown
    assert shown.endswith("so (model.py, line 7); the script was shortened")


def test_the_last_lines_are_few_and_short() -> None:
    text = "\n".join(str(number) for number in range(100)) + "\n" + "x" * 9000 + "\n\n"
    lines = last_lines(text)
    assert (len(lines), lines[0], len(lines[-1])) == (20, "81", 400)
    assert last_lines("step 1/2\rstep 2/2\r\n\x1b[31mred\n") == ("step 2/2", "red")
    assert last_lines("") == ()


def test_a_line_that_was_redrawn_is_displayed_in_its_last_state() -> None:
    assert displayed_line("1/2\r2/2\r") == "2/2"
    assert displayed_line("\x1b[31m1/2\r 2/2\x1b[0m") == " 2/2"


def test_json_holds_no_character_that_a_terminal_obeys() -> None:
    text = "a\x7f\x9b31m\u202e\u2028\U000e0041 é"
    escaped = safe_json(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert json.loads(escaped) == {text: [text]}
    assert printable(escaped) == escaped
    assert "é" in escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (plural(0, "cell"), "0 cells"),
        (plural(1, "cell"), "1 cell"),
        (plural(2, "cell"), "2 cells"),
        (plural(1, "batch", "batches"), "1 batch"),
        (plural(3, "batch", "batches"), "3 batches"),
        (plural(1_000_000, "cell"), "1000000 cells"),
        (plural(1.0, "CPU"), "1 CPU"),
        (plural(0.5, "CPU"), "0.5 CPUs"),
        (and_more(-1), ""),
        (and_more(0, "row"), ""),
        (and_more(1), "and 1 more"),
        (and_more(1, "row"), "and 1 more row"),
        (and_more(2, "row"), "and 2 more rows"),
        (and_more(2, "batch", "batches"), "and 2 more batches"),
        (listed([], 2), ""),
        (listed(["a", "b"], 2), "a, b"),
        (listed(["a", "b", "c", "d"], 2), "a, b and 2 more"),
        (listed(["a", "b", "c"], 2, "; "), "a; b and 1 more"),
    ],
)
def test_counts_and_lists_are_in_words(text: str, shown: str) -> None:
    assert text == shown
