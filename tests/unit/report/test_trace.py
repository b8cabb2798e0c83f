"""A trace for people and programs, and the command's options."""

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from keras_matrix.errors import ConfigurationError, ExitCode
from keras_matrix.records.files import to_json
from keras_matrix.report.trace import (
    REACHING,
    FailOn,
    describe_distance,
    fails_without_finding,
    parse_fail_on,
    print_trace,
    verdict,
)
from keras_matrix.trace.cause import Hint
from keras_matrix.trace.finding import Finding, FindingKind, MinimalScript, Origin, TraceStage
from keras_matrix.trace.literature import RateOfChange
from keras_matrix.trace.reach import Consequence, Reach, Reached
from keras_matrix.trace.result import ImageTrace, StageSummary, Trace
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.trace.builders import apart, finding

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path, monkeypatch)


NOTHING = Reach()
LOSS = Reach(targets=[Reached(what=Consequence.LOSS, worst="loss", distance=46.0, excess=3e8)])
INHERITED = finding(where="c", origin=Origin.INHERITED)
AMPLIFIED = finding(where="d", origin=Origin.AMPLIFIED)


def image(*findings: Finding, **changed: Any) -> ImageTrace:
    return ImageTrace(image="theano", findings=list(findings), **changed)


def trace(*images: ImageTrace, **changed: Any) -> Trace:
    return Trace(
        **{
            "tool": "keras-matrix 0",
            "run": "a-run",
            "model": "mlp",
            "reference": "tf",
            "layers": 3,
            "still": [],
            "seconds": {"tf": 1.0, "theano": 2.0},
            "images": list(images),
            **changed,
        }
    )


def printed(result: Trace, width: int = 200) -> str:
    out = io.StringIO()
    print_trace(result, Console(file=out, width=width, color_system=None))
    return out.getvalue()


# What the command ends with


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("any", set(FindingKind)),
        ("none", set()),
        ("forward", {FindingKind.FORWARD}),
        ("forward, loss,nan", {FindingKind.FORWARD, FindingKind.LOSS, FindingKind.NAN}),
        ("training,training", {FindingKind.TRAINING}),
    ],
)
def test_kinds_by_name(text: str, kinds: set[FindingKind]) -> None:
    assert parse_fail_on(text) == FailOn(frozenset(kinds))


@pytest.mark.parametrize(
    "text", ["", "forwards", "forward,", "any,loss", "FORWARD", "forward loss", "reaching,loss"]
)
def test_an_unknown_kind_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--fail-on .* use one or more of build, start"):
        parse_fail_on(text)


ANY, NONE = parse_fail_on("any"), parse_fail_on("none")


def test_a_trace_fails_by_the_selected_kinds() -> None:
    result = trace(image(finding(FindingKind.LOSS)))
    assert ANY.fails(result)
    assert parse_fail_on("loss").fails(result)
    assert not parse_fail_on("forward").fails(result)
    assert not NONE.fails(result)


def test_any_finding_that_is_real_counts_not_only_the_first() -> None:
    result = trace(image(), image(finding(FindingKind.FORWARD), finding(FindingKind.UPDATE)))
    assert parse_fail_on("update").fails(result)


def test_what_is_inherited_or_rounding_does_not_fail() -> None:
    assert not ANY.fails(trace(image(INHERITED, AMPLIFIED)))


@pytest.mark.parametrize(
    ("difference", "fails"),
    [
        (finding(FindingKind.GRADIENT, reach=NOTHING), False),
        (finding(FindingKind.GRADIENT, reach=LOSS), True),
        (finding(FindingKind.GRADIENT), True),
        (finding(FindingKind.SHAPE, reach=NOTHING), True),
        (finding(FindingKind.START, reach=NOTHING), True),
        (finding(FindingKind.LOSS, origin=Origin.INHERITED, reach=LOSS), False),
    ],
    ids=["nothing", "loss", "unknown", "shape", "start", "inherited"],
)
def test_a_trace_fails_by_what_reaches_something_unless_told_otherwise(
    difference: Finding, fails: bool
) -> None:
    assert parse_fail_on(REACHING).fails(trace(image(difference))) is fails


def test_what_reaches_nothing_fails_if_any_difference_does() -> None:
    result = trace(image(finding(FindingKind.GRADIENT, reach=NOTHING)))
    assert ANY.fails(result)
    assert parse_fail_on("gradient").fails(result)


def test_a_script_that_fails_is_not_explained_by_what_reaches_nothing() -> None:
    idle = image(finding(FindingKind.GRADIENT, reach=NOTHING))
    assert fails_without_finding(trace(idle, failed={"theano": "no disk"}))
    assert not fails_without_finding(trace(image(finding()), failed={"theano": "no disk"}))


# The verdict


def test_images_that_agree() -> None:
    assert verdict(trace(), image()) == (
        "theano and tf agree: from the first weights to the last, nothing differs by more than "
        "rounding."
    )


def test_rounding_that_grows_is_agreement() -> None:
    text = verdict(trace(), image(AMPLIFIED))
    assert "agree" in text
    assert "(rounding is amplified at d)" in text


def test_the_first_difference_and_how_many_more() -> None:
    first = finding(FindingKind.SHAPE, where="pool", layer="MaxPooling1D", what="output")
    differing = image(
        first, finding(FindingKind.LOSS, where="loss"), finding(FindingKind.UPDATE), INHERITED
    )
    assert verdict(trace(), differing) == (
        "theano and tf differ: shape, pool (MaxPooling1D), output, and 2 more."
    )


def test_the_verdict_is_the_first_difference_that_reaches_something() -> None:
    idle = finding(FindingKind.GRADIENT, where="pool", layer="MaxPooling2D", reach=NOTHING)
    loss = finding(FindingKind.LOSS, where="loss", what="loss", reach=LOSS)
    assert image(idle, loss).kind is FindingKind.LOSS
    assert image(idle).verdict is None
    assert image(INHERITED).verdict is None
    assert verdict(trace(), image(loss, idle)) == (
        "theano and tf differ: loss, loss, loss; 1 more difference reaches nothing."
    )


def test_images_agree_where_no_difference_reaches_anything() -> None:
    idle = finding(FindingKind.GRADIENT, where="pool", layer="MaxPooling2D", what="gradient")
    idle = msgspec.structs.replace(idle, reach=NOTHING)
    assert verdict(trace(), image(idle)) == (
        "theano and tf agree in loss, metrics, predictions and weights; 1 difference reaches none "
        "of these: gradient, pool (MaxPooling2D), gradient."
    )


# The text


def test_a_report_begins_with_the_model_and_ends_with_the_verdict() -> None:
    lines = printed(trace(image())).strip().splitlines()
    assert lines[0] == "mlp: 3 layers, reference tf"
    assert lines[-1].startswith("theano and tf agree")


def test_each_image_has_a_verdict() -> None:
    other = ImageTrace(image="cntk", findings=[finding()])
    text = printed(trace(image(), other))
    assert "theano and tf agree" in text
    assert "cntk and tf differ" in text


def test_random_layers_are_named() -> None:
    assert "switched off on all images: dropout" in printed(trace(still=["dropout"]))


def test_stages_are_a_table() -> None:
    stages = [
        StageSummary(TraceStage.WEIGHTS, 4, 0),
        StageSummary(TraceStage.OUTPUTS, 6, 2, "dense", 20.0),
        StageSummary(TraceStage.GRADIENTS, 3, 1, "dense/kernel", None),
        StageSummary(TraceStage.TRAINING, 4, 0, "dense/bias", 0.5),
    ]
    lines = [" ".join(line.split()) for line in printed(trace(image(stages=stages))).splitlines()]
    assert "weights 4 agree identical" in lines
    assert "outputs 2 of 6 differ dense: 20 x what rounding explains" in lines
    beyond = "not comparable, or infinitely far beyond the bound"
    assert f"gradients 1 of 3 differ dense/kernel: {beyond}" in lines
    assert "training 4 agree dense/bias: 0.5 x the noise floor" in lines


def test_a_narrow_terminal_cuts_no_name() -> None:
    where = "batch_normalization_12/moving_variance_of_a_name_that_is_longer_than_a_line"
    result = trace(image(stages=[StageSummary(TraceStage.UPDATES, 6, 2, where, 20.0)]))
    text = printed(result, 60)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 60
    assert where in "".join(text.split()).replace("updates2of6differ", "")


def test_a_finding_is_printed_with_its_figures_cause_and_script() -> None:
    difference = finding(
        layer="MaxPooling1D",
        what="output",
        message="no",
        limit=1e-6,
        config={"pool_size": [2], "padding": "same", "activation": "linear", "trainable": True},
        input_shapes=[[None, 8, 3]],
        chained=apart(0.5),
        alone=apart(0.25),
        hint=Hint("Because.", "a.py, tag 1"),
        script=MinimalScript("results/a-run/trace/scripts/a.py", "import keras\n"),
    )
    text = printed(trace(image(difference)))
    for part in (
        "forward: dense (MaxPooling1D), output",
        "alone, from identical inputs: max |d| 0.25",
        "in the model: max |d| 0.5",
        "rounding explains 1e-06",
        "configuration: pool_size=(2), padding=same, input (?, 8, 3)",
        "possible cause: Because.",
        "a.py, tag 1",
        "script: results/a-run/trace/scripts/a.py",
        "This script shows it",
        "import keras",
    ):
        assert part in text


def test_a_finding_says_what_it_reaches_and_what_else_does() -> None:
    weights = Reached(
        what=Consequence.GRADIENTS,
        count=2,
        worst="a/kernel",
        distance=0.5,
        excess=100.0,
        also=["loss"],
    )
    script, metric = Reached(what=Consequence.SCRIPT), Reached(what=Consequence.METRICS)
    text = printed(trace(image(finding(reach=Reach(targets=[*LOSS.targets, weights])))))
    assert (
        "reaches the loss by 46 (3e+08 x its bound); the gradients of 2 weights by up to 0.5 "
        "(1e+02 x)" in text
    )
    assert "some of it also comes from loss" in text
    text = printed(trace(image(finding(reach=Reach(targets=[script, metric])))))
    assert "reaches the script, which fails; a metric\n" in text
    assert "reaches no weight's gradient" in printed(trace(image(finding(reach=NOTHING))))
    assert "reaches" not in printed(trace(image(finding())))


def test_only_the_first_findings_are_printed_in_full() -> None:
    text = printed(trace(image(*(finding(where=f"layer{i}") for i in range(8)))))
    assert "layer4," in text
    assert "layer5, " not in text
    assert "and 3 more kinds of findings, in trace.json" in text


def test_findings_of_one_layer_and_cause_are_printed_together() -> None:
    cause = Hint("Because.", "a.py, tag 1")
    difference = (finding(where=f"dense_{i}/kernel", layer="Dense", hint=cause) for i in range(3))
    text = printed(trace(image(*difference)))
    assert text.count("possible cause: Because.") == 1
    assert "the same at: dense_1/kernel, dense_2/kernel" in text
    assert "and 2 more." in text


def test_what_is_not_real_is_named_once() -> None:
    text = printed(trace(image(finding(), INHERITED, INHERITED, AMPLIFIED)))
    assert "inherited from the findings above: c\n" in text
    assert "rounding that is amplified, no difference from identical inputs: d\n" in text


def test_figures_of_the_literature() -> None:
    rates = [RateOfChange("a", "Dense", 0.1, 2.0), RateOfChange("b", "Dense", 0.5, 30.0)]
    text = printed(trace(image(rates=rates, d_mad=0.25, d_class=12.0)))
    assert "(ICSE 2019): D_MAD 0.25, D_CLASS 12, largest rate of change R 30 at b" in text
    assert "CRADLE" not in printed(trace(image()))


def test_notes_are_printed() -> None:
    assert "note: theano cannot apply up" in printed(trace(image(notes=["theano cannot apply up"])))


def test_what_a_container_wrote_does_not_reach_the_terminal() -> None:
    evil = "\x1b[2J\x9b31m\x07[bold]x[/bold]"
    difference = finding(
        where=evil,
        layer=evil,
        what=evil,
        message=evil,
        config={"units": evil},
        script=MinimalScript("a.py", f"# {evil}\n"),
    )
    stages = [StageSummary(TraceStage.OUTPUTS, 1, 1, evil, 2.0)]
    rates = [RateOfChange(evil, evil, 1.0, 1.0)]
    inherited = finding(where=evil, origin=Origin.INHERITED)
    shown = image(difference, inherited, stages=stages, rates=rates, notes=[evil])
    text = printed(trace(shown, still=[evil]))
    assert not {"\x1b", "\x9b", "\x07"} & set(text)
    # Nor is it taken for markup.
    assert "[bold]x[/bold]" in text


# Figures


def test_figures_of_a_distance() -> None:
    distance = apart(0.5, mean=0.25, relative=2.0, ulps=1e6, cosine=0.99, flips=0.25)
    assert describe_distance(distance, "tf", "theano") == (
        "max |d| 0.5, mean 0.25, relative 2, 1e+06 ulp, cosine 0.99, top-1 flips 25%"
    )


def test_figures_of_what_is_not_finite_come_first() -> None:
    distance = apart(odd=1, not_finite=2, reference_not_finite=1)
    text = describe_distance(distance, "tf", "theano")
    assert text.startswith("NaN or Inf: 1 of 2 on tf, 2 on theano, max")


def test_other_shapes_have_no_figures() -> None:
    distance = apart(shape=(3, 1))
    assert describe_distance(distance, "tf", "theano") == "tf has shape [2], theano has [3, 1]"


# On disk


FULL = finding(
    FindingKind.NAN,
    layer="Dense",
    config={"units": 3, "axis": [1, None], "name": "größe"},
    input_shapes=[[None, 3]],
    chained=apart(0.5, flips=0.5),
    alone=apart(0.5),
    limit=1e-6,
    hint=Hint("a", "b"),
    script=MinimalScript("a.py", "x\n"),
    stage=TraceStage.OUTPUTS,
    reach=LOSS,
)


def test_a_trace_is_read_back_from_json() -> None:
    stages = [StageSummary(TraceStage.WEIGHTS, 1, 0)]
    rates = [RateOfChange("a", "Dense", 0.1, 2.0)]
    result = trace(image(FULL, stages=stages, rates=rates, d_mad=0.5, d_class=None, notes=["n"]))
    assert msgspec.json.decode(to_json(result), type=Trace) == result


@pytest.mark.parametrize(
    "image_trace",
    [
        image(finding(chained=apart(0.5, scale=0.0, ulps=None, relative=None))),
        image(stages=[StageSummary(TraceStage.OUTPUTS, 1, 1, "a", None)]),
    ],
)
def test_a_figure_that_is_not_finite_is_read_back_as_none(image_trace: ImageTrace) -> None:
    result = trace(image_trace)
    assert msgspec.json.decode(to_json(result), type=Trace) == result


def test_kinds_and_origins_have_names_in_json() -> None:
    (written,) = json.loads(to_json(trace(image(FULL))))["images"]
    (one,) = written["findings"]
    assert (one["kind"], one["origin"]) == ("nan", "differs by itself")


# The command


def test_help_lists_the_options(capsys: Captured) -> None:
    assert run_cli("trace", "--help") == 0
    text = capsys.readouterr().out
    for option in (
        "--model",
        "--steps",
        "--no-training",
        "--atol",
        "--rtol",
        "--fail-on",
        "--seed",
    ):
        assert option in text


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--fail-on", "nonsense"], "--fail-on 'nonsense' is not a kind"),
        (["--fail-on", ""], "--fail-on ''"),
        (["--atol", "-1"], "--atol -1.0"),
        (["--atol", "nan"], "--atol nan"),
        (["--rtol", "inf"], "--rtol inf"),
        (["--rtol", "x"], "--rtol"),
        (["--steps", "-1"], "--steps"),
        (["--steps", "101"], "--steps"),
        (["--seed", "-1"], "--seed"),
        (["--floatx", "float32,float64"], "one keras.json"),
    ],
)
def test_wrong_usage_is_reported_before_anything_runs(
    options: list[str], word: str, capsys: Captured, tmp_path: Path
) -> None:
    assert run_cli("trace", "mlp", "--on", "tf,theano", *options) == 2
    captured = capsys.readouterr()
    assert word in captured.err
    assert captured.out == ""
    assert not (tmp_path / "results").exists()


def test_a_script_that_is_not_there(capsys: Captured) -> None:
    assert run_cli("trace", "missing.py", "--on", "tf,theano") == 2
    assert "missing.py" in capsys.readouterr().err


def test_without_an_engine_it_says_so(capsys: Captured) -> None:
    code = run_cli("trace", "mlp", "--on", "tf,theano", "--fail-on", "forward,loss")
    assert code == ExitCode.NO_ENGINE
    assert capsys.readouterr().out == ""
