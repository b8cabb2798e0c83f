from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.tolerances import given, load, parse
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import DEFAULT, DEFAULT_MARGIN, MetricKind, Tolerance, Tolerances

COMPUTATION, DISTRIBUTION = Question.COMPUTATION, Question.DISTRIBUTION


def test_allowed_is_absolute_plus_a_share_of_the_reference() -> None:
    assert Tolerance("m", atol=0.25, rtol=0.5).allowed(-2.0) == 1.25


def test_the_first_rule_that_matches_goes_before_the_rest_and_the_default() -> None:
    first, second = Tolerance("evaluate.loss", atol=1), Tolerance("evaluate.*", atol=2)
    rules = Tolerances((first, second))
    assert rules.for_metric("evaluate.loss", MetricKind.SCORE, COMPUTATION) is first
    assert rules.for_metric("evaluate.acc", MetricKind.SCORE, COMPUTATION) is second
    assert rules.for_metric("fit.loss", MetricKind.SCORE, COMPUTATION) is DEFAULT
    assert rules.for_metric("predict.0", MetricKind.ARRAY, COMPUTATION) is DEFAULT


def test_patterns_mind_case() -> None:
    rules = Tolerances((Tolerance("Evaluate.*", atol=9),))
    assert rules.for_metric("evaluate.loss", MetricKind.SCORE, COMPUTATION) is DEFAULT


def test_times_are_judged_by_name_only() -> None:
    everything, by_name = Tolerance("*", atol=1), Tolerance("fit.seconds", atol=2)
    assert Tolerances().for_metric("fit.seconds", MetricKind.TIME, COMPUTATION) is None
    assert Tolerances((everything,)).for_metric("fit.seconds", MetricKind.TIME, COMPUTATION) is None
    assert (
        Tolerances((Tolerance("**"),)).for_metric("fit.seconds", MetricKind.TIME, COMPUTATION)
        is None
    )
    assert (
        Tolerances((everything, by_name)).for_metric("fit.seconds", MetricKind.TIME, COMPUTATION)
        is by_name
    )
    assert (
        Tolerances((everything,)).for_metric("fit.loss", MetricKind.SCORE, COMPUTATION)
        is everything
    )


@pytest.mark.parametrize("metric", ["fit.lr", "fit#2.learning_rate"])
def test_what_a_script_sets_is_judged_by_a_rule_only(metric: str) -> None:
    assert Tolerances().for_metric(metric, MetricKind.SCORE, COMPUTATION) is None
    rule = Tolerance("fit*", atol=1)
    assert Tolerances((rule,)).for_metric(metric, MetricKind.SCORE, COMPUTATION) is rule
    assert Tolerances().for_metric("fit.lr_loss", MetricKind.SCORE, COMPUTATION) is DEFAULT


def test_a_tolerance_on_the_command_line() -> None:
    first, second = parse(["evaluate.*=0.01", "fit.loss=0,1e-3"])
    assert (first.metric, first.atol, first.rtol) == ("evaluate.*", 0.01, 0.0)
    assert (second.metric, second.atol, second.rtol) == ("fit.loss", 0.0, 1e-3)
    assert parse([]) == ()


@pytest.mark.parametrize(
    "text", ["", "loss", "loss=", "=1", "loss=x", "loss=1,2,3", "loss=1,", "loss=-1", "loss=nan"]
)
def test_a_malformed_one_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--tolerance"):
        parse([text])


def test_a_tolerance_file(tmp_path: Path) -> None:
    path = tmp_path / "tolerances.toml"
    path.write_text(
        """
        schema = 1
        [[tolerance]]
        metric = "evaluate.*"
        atol = 0.02
        why = "measured"
        [[tolerance]]
        metric = "fit.*"
        rtol = 0.5
        """
    )
    assert load(path) == (
        Tolerance("evaluate.*", atol=0.02, why="measured"),
        Tolerance("fit.*", rtol=0.5),
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"schema = 2",
        b"schema = 1\nunknown = 1",
        b"schema = 1\n[[tolerance]]\natol = 1",
        b"schema = 1\n[[tolerance]]\nmetric = 'a'\nabs = 1",
        b"schema = 1\n[[tolerance]]\nmetric = 'a'\natol = -1",
        b"schema = 1\n[[tolerance]]\nmetric = 'a'\natol = inf",
        b"schema = 1\n[[tolerance]]\nmetric = 'a'\nrtol = nan",
        b"schema = 1\n[[tolerance]]\nmetric = 'a'\natol = '1'",
        b"schema = [",
        b"# \xff",
    ],
    ids=str,
)
def test_a_wrong_tolerance_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tolerances.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_tolerance_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load(tmp_path / "tolerances.toml")


# What is asked


def rules_of(tmp_path: Path, text: str) -> tuple[Tolerance, ...]:
    path = tmp_path / "tolerances.toml"
    path.write_text(f'schema = 1\n[[tolerance]]\nmetric = "*"\n{text}\n')
    return load(path)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("margin = 2", Tolerance("*", 1e-3, 1e-3, question=DISTRIBUTION, margin=2.0)),
        (
            'question = "distribution"',
            Tolerance("*", 1e-3, 1e-3, question=DISTRIBUTION, margin=DEFAULT_MARGIN),
        ),
        ('question = "computation"', Tolerance("*", 1e-3, 1e-3, question=COMPUTATION)),
        (
            'question = "distribution"\natol = 0.1',
            Tolerance("*", 0.1, question=DISTRIBUTION),
        ),
    ],
)
def test_a_rule_may_choose_the_question_and_the_margin(
    tmp_path: Path, text: str, rule: Tolerance
) -> None:
    assert rules_of(tmp_path, text) == (rule,)


@pytest.mark.parametrize(
    "text",
    [
        "margin = 0",
        "margin = -1",
        "margin = inf",
        "margin = 1\natol = 1",
        'margin = 1\nquestion = "computation"',
        'question = "neither"',
    ],
)
def test_a_margin_or_question_without_sense_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError):
        rules_of(tmp_path, text)


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_so_is_one_on_the_command_line(margin: float) -> None:
    with pytest.raises(ConfigurationError, match="--margin"):
        given([], margin=margin)


def test_the_command_line_asks_of_all_metrics_whatever_files_say() -> None:
    rules = given([], "computation").then([Tolerance("*", margin=2.0, question=DISTRIBUTION)])
    assert rules.chosen("fit.loss", MetricKind.SCORE) is COMPUTATION
    assert rules.for_metric("fit.loss", MetricKind.SCORE, COMPUTATION) is DEFAULT


def test_the_margin_is_for_what_has_no_tolerance() -> None:
    own = Tolerance("fit.*", atol=0.1)
    rules = given([], margin=2.0).then([own])
    assert rules.for_metric("fit.loss", MetricKind.SCORE, DISTRIBUTION) is own
    other = rules.for_metric("evaluate.loss", MetricKind.SCORE, DISTRIBUTION)
    assert other is not None
    assert (other.margin, other.why) == (2.0, "given on the command line")
    assert rules.for_metric("evaluate.loss", MetricKind.SCORE, COMPUTATION) is DEFAULT
