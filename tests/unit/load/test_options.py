from enum import Enum

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.options import (
    MAX_SEEDS,
    parse_choices,
    parse_floats,
    parse_list,
    parse_seeds,
    parse_size,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        (None, ()),
        ("1", (0,)),
        ("5", (0, 1, 2, 3, 4)),
        ("0..29", tuple(range(30))),
        ("7..7", (7,)),
        ("1,7", (1, 7)),
        ("9, 3", (9, 3)),
        ("4294967295..4294967295", (4294967295,)),
    ],
)
def test_seeds(text: str | None, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["", "a", "1.5", "1..", "..", "1..2..3", "1,a", "0", "-1", "3..1", "1,1", "-1,2", "-2..2"],
)
def test_seeds_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--seeds"):
        parse_seeds(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{MAX_SEEDS + 1}",
        "0..1000000000000",
        "4294967295..4294967296",
        "4294967296,1",
        # Beyond what Python can count in a range.
        "99999999999999999999",
        "0..99999999999999999999",
        "9" * 5000,
    ],
)
def test_too_many_or_too_large_seeds_are_refused_without_making_them(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--seeds"):
        parse_seeds(text)


def test_the_largest_number_of_seeds_is_allowed() -> None:
    assert len(parse_seeds(str(MAX_SEEDS))) == MAX_SEEDS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("100b", 100),
        ("512m", 512 * 2**20),
        ("4g", 4 * 2**30),
        ("4G", 4 * 2**30),
        ("4GiB", 4 * 2**30),
        ("1.5g", 3 * 2**29),
        (" 2k ", 2048),
    ],
)
def test_size(text: str, size: int) -> None:
    assert parse_size("--memory", text) == size


@pytest.mark.parametrize(
    "text", ["", "0", "0g", "0.1", "-1", "m", "4t", "1e9", "nan", "inf", "1 000", "9" * 400]
)
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--memory"):
        parse_size("--memory", text)


def test_list_drops_blanks() -> None:
    assert parse_list(" tf, theano,,") == ("tf", "theano")
    assert parse_list(None) == ()
    assert parse_list("") == ()


def test_choices_keep_their_order() -> None:
    assert parse_choices("--colour", "blue, red", Colour) == (Colour.BLUE, Colour.RED)


@pytest.mark.parametrize("text", ["", ",", "green", "red,green", "RED"])
def test_a_value_that_is_not_a_choice_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--colour .* is not one of red, blue\."):
        parse_choices("--colour", text, Colour)


def test_floats() -> None:
    assert parse_floats("--epsilon", "1e-7, 0.5") == (1e-7, 0.5)


@pytest.mark.parametrize("text", ["", ",", "a", "1;2", "1e-7,x"])
def test_what_is_not_a_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--epsilon"):
        parse_floats("--epsilon", text)
