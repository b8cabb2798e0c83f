from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.reported import Claim, Direction, Figure, Unit, file_beside, is_time, load
from tests import ROOT

TUTORIAL = ROOT / "models" / "mlp" / "reported.toml"
FIGURE = "[[figure]]\nimage = 'tf'\nmetric = 'm'\nunit = '1'\n"
TIME = "[[figure]]\nimage = 'tf'\nmetric = 'fit.seconds'\nunit = 's'\n"
CLAIM = "[[claim]]\ntext = 'T'\nmetric = 'm'\nbetter = 'a'\nthan = 'b'\ndirection = 'lower'\n"


def write(folder: Path, content: str) -> Path:
    path = folder / "reported.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_tutorials_figures_and_claims() -> None:
    reported = load(TUTORIAL)
    assert reported.source["keras"] == "2.3.1"
    values = {(figure.image, figure.metric): figure.value for figure in reported.figures}
    assert values == {
        ("tf", "fit.seconds"): 0.5446,
        ("tf", "evaluate.loss"): 0.6998,
        ("tf", "evaluate.accuracy"): 0.4199,
        ("theano", "fit.seconds"): 1.066,
        ("theano", "evaluate.loss"): 0.6747,
        ("theano", "evaluate.accuracy"): 0.67,
    }
    faster, better = reported.claims
    assert (faster.metric, faster.better, faster.direction) == (
        "fit.seconds",
        "tf",
        Direction.LOWER,
    )
    assert (better.metric, better.better, better.direction) == (
        "evaluate.accuracy",
        "theano",
        Direction.HIGHER,
    )


@pytest.mark.parametrize(
    ("digits", "value", "resolution"),
    [
        ("0.6700", 0.67, 1e-4),
        ("0.67", 0.67, 1e-2),
        ("12", 12.0, 1.0),
        ("-1.5e-3", -0.0015, 1e-4),
        ("0.0", 0.0, 0.1),
    ],
)
def test_a_figure_keeps_its_digits(
    tmp_path: Path, digits: str, value: float, resolution: float
) -> None:
    (figure,) = load(write(tmp_path, f"schema = 1\n{FIGURE}value = {digits}")).figures
    assert figure == Figure("tf", "m", value, figure.resolution, Unit.NONE)
    assert figure.resolution == pytest.approx(resolution)


def test_a_claim_may_have_a_margin(tmp_path: Path) -> None:
    claims = load(write(tmp_path, f"schema = 1\n{CLAIM}{CLAIM}margin = 0.02")).claims
    expected = Claim("T", "m", better="a", than="b", direction=Direction.LOWER)
    assert claims[0] == expected
    assert claims[1].margin == 0.02


def test_a_file_may_report_nothing(tmp_path: Path) -> None:
    reported = load(write(tmp_path, "schema = 1"))
    assert (reported.source, reported.figures, reported.claims) == ({}, (), ())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "schema = [",
        "schema = 2",
        "schema = '1'",
        "schema = 1\nunknown = 1",
        "schema = 1\n[source]\nyear = 2020",
        f"schema = 1\n{FIGURE}",
        f"schema = 1\n{FIGURE}value = 1\nerror = 2",
        f"schema = 1\n{FIGURE}value = '1'",
        f"schema = 1\n{FIGURE}value = true",
        f"schema = 1\n{FIGURE}value = nan",
        f"schema = 1\n{FIGURE}value = -inf",
        f"schema = 1\n{FIGURE}value = 1e999",
        f"schema = 1\n{FIGURE}value = 1{'0' * 400}",
        f"schema = 1\n{FIGURE}value = 1{'0' * 5000}",
        f"schema = 1\n{FIGURE}value = 1\n{FIGURE}value = 2",
        f"schema = 1\n{FIGURE}value = 1".replace("'1'", "'ms'"),
        f"schema = 1\n{FIGURE}value = 1".replace("'1'", "'s'"),
        f"schema = 1\n{FIGURE}value = 1".replace("'tf'", "''"),
        f"schema = 1\n{TIME}value = 0.0",
        f"schema = 1\n{TIME}value = 1".replace("'s'", "'1'"),
        f"schema = 1\n{CLAIM}margin = -0.1",
        f"schema = 1\n{CLAIM}margin = nan",
        f"schema = 1\n{CLAIM}why = 'x'",
        f"schema = 1\n{CLAIM}".replace("'lower'", "'faster'"),
        f"schema = 1\n{CLAIM}".replace("'b'", "'a'"),
        f"schema = 1\n{CLAIM}".replace("'T'", "''"),
        f"schema = 1\n{CLAIM}".replace("than = 'b'\n", ""),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    message = str(raised.value)
    assert str(path) in message
    assert message.endswith(".")
    assert "\n" not in message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reported.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(ConfigurationError, match="wrong"):
        load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load(tmp_path / "reported.toml")


def test_times_are_recognized_by_their_name() -> None:
    assert is_time("fit#2.steady_epoch_seconds")
    assert not is_time("evaluate.loss")


def test_a_run_keeps_the_file_beside_its_script(tmp_path: Path) -> None:
    assert file_beside(tmp_path) == {}
    (tmp_path / "reported.toml").write_bytes(b"schema = 1\n")
    assert file_beside(tmp_path) == {"reported.toml": b"schema = 1\n"}
