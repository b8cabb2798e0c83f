from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from keras_matrix_probe import draws
from keras_matrix_probe.keras2 import paired

SHAPE = (100, 500)


def stream(ordinal: int = 0, seed: int = 7) -> Any:
    return draws.stream(0, seed, ordinal)


def test_the_same_key_is_the_same_stream() -> None:
    first, again = (draws.normal(stream(), SHAPE, 0, 1, "float32") for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize(
    "other", [(0, 7, 1), (0, 8, 0), (1, 7, 0), (0, 7), (0, 7 + 2**32, 0), (0, -7, 0)]
)
def test_another_key_is_another_stream(other: tuple[int, ...]) -> None:
    first = draws.normal(stream(), SHAPE, 0, 1, "float64")
    second = draws.normal(draws.stream(*other), SHAPE, 0, 1, "float64")
    assert (first != second).all()
    assert abs(numpy.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_streams_of_every_numpy() -> None:
    """Numbers from NumPy 1.16.6 on CPython 3.6.15."""
    drawn = {
        "normal": draws.normal(stream(), (3,), 0, 1, "float32"),
        "uniform": draws.uniform(stream(), (3,), -1, 1, "float32"),
        "truncated": draws.truncated_normal(stream(), (40,), 0, 1, "float32")[-3:],
        "orthogonal": draws.orthogonal(stream(), (2, 3), 1).ravel()[:3],
    }
    expected = {
        "normal": [-1.039652943611145, 0.6471329927444458, -1.3733222484588623],
        "uniform": [0.3632233440876007, -0.5835373401641846, 0.25265541672706604],
        "truncated": [0.6220037937164307, 0.12139470875263214, -0.26742568612098694],
        "orthogonal": [-0.6511935836114083, 0.325087235866244, -0.6857588539276588],
    }
    for name, values in drawn.items():
        assert values.tolist() == pytest.approx(expected[name], rel=1e-6), name


def test_numpys_own_generator_is_neither_used_nor_changed() -> None:
    numpy.random.seed(1)
    first = draws.truncated_normal(stream(), SHAPE, 0, 1, "float32")
    left = numpy.random.random_sample()
    numpy.random.seed(1)
    assert numpy.random.random_sample() == left
    assert (draws.truncated_normal(stream(), SHAPE, 0, 1, "float32") == first).all()


def test_normal() -> None:
    values = draws.normal(stream(), SHAPE, 3, 0.5, "float32")
    assert values.dtype == numpy.float32
    assert values.shape == SHAPE
    assert values.mean() == pytest.approx(3, abs=0.01)
    assert values.std() == pytest.approx(0.5, rel=0.01)
    assert abs(values - 3).max() > 1.5


def test_uniform() -> None:
    values = draws.uniform(stream(), SHAPE, -1, 3, "float64")
    assert values.dtype == numpy.float64
    assert -1 <= values.min() < -0.999
    assert 2.999 < values.max() <= 3
    assert values.mean() == pytest.approx(1, abs=0.02)
    assert values.std() == pytest.approx(4 / 12**0.5, rel=0.01)


def test_truncated_normal_redraws_what_is_over_two_deviations_off() -> None:
    values = draws.truncated_normal(stream(), SHAPE, 3, 0.5, "float64")
    assert 2 <= values.min() < 2.01
    assert 3.99 < values.max() <= 4
    assert values.mean() == pytest.approx(3, abs=0.01)
    # By which VarianceScaling divides in keras/initializers.py, tag 2.3.1.
    assert values.std() == pytest.approx(0.5 * 0.87962566103423978, rel=0.01)
    # Not clipped: as thin at the bounds as next to them.
    assert numpy.mean(abs(values - 3) > 0.99) < 0.01


@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9), (3, 3, 2, 7), (1, 6)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    values = draws.orthogonal(stream(), shape, 2)
    assert values.shape == shape
    matrix = values.reshape(-1, shape[-1])
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    assert matrix.T @ matrix == pytest.approx(4 * numpy.eye(matrix.shape[1]), abs=1e-12)


def test_orthogonal_draws_reach_every_direction() -> None:
    corners = [draws.orthogonal(stream(ordinal), (3, 3), 1)[0, 0] for ordinal in range(2000)]
    assert numpy.mean(corners) == pytest.approx(0, abs=0.05)
    assert numpy.mean(numpy.square(corners)) == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("draw", [draws.normal, draws.uniform])
def test_how_much_is_drawn_at_once_does_not_matter(
    draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw(stream(), SHAPE, 0, 1, "float32")
    monkeypatch.setattr(draws, "NUMBERS_AT_ONCE", 999)
    assert (draw(stream(), SHAPE, 0, 1, "float32") == whole).all()


@pytest.mark.parametrize("shape", [(), (0,), (4, 0)])
def test_a_scalar_and_nothing(shape: tuple[int, ...]) -> None:
    assert draws.uniform(stream(), shape, 0, 1, "float32").shape == shape


@pytest.mark.parametrize("spatial", [(3,), (2, 3), (2, 3, 4)])
def test_a_kernel_is_turned_in_space_only(spatial: tuple[int, ...]) -> None:
    kernel = numpy.arange(numpy.prod(spatial) * 10.0).reshape(*spatial, 2, 5)
    turned = paired.flipped(kernel)
    assert (turned[(0,) * len(spatial)] == kernel[(-1,) * len(spatial)]).all()
    assert (paired.flipped(turned) == kernel).all()


@pytest.mark.parametrize("version", ["3.0.0", "2.6.0", "2.4.3"])
def test_a_keras_of_one_backend_is_refused(version: str) -> None:
    with pytest.raises(NotImplementedError, match=version):
        paired.install(SimpleNamespace(__version__=version), 1)
