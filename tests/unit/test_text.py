import pytest

from runner.text import printable


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
