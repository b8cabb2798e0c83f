import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from keras_matrix.compare import assess
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.records import recorded
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report import junit
from tests.unit.records.builders import call, record, run_folder, tf_and_theano

HOSTILE = "a|b]<script>&lt;\x1b[31m\x00\x0b\x9b2J\u202e]]>\ufffe\r\nevaluate.x"

TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


class Allowed(NamedTuple):
    """What an element may have: required attributes, other attributes, and children."""

    required: str = ""
    others: str = ""
    children: str = ""


RESULT = Allowed(others="type message")
SCHEMA = {
    # junit-10.xsd of Jenkins's xUnit plugin
    "testsuites": Allowed("", "name time tests failures errors", "testsuite"),
    "testsuite": Allowed(
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": Allowed(
        "name", "time classname group", "skipped error failure system-out system-err"
    ),
    "properties": Allowed(children="property"),
    "property": Allowed("name value"),
    "failure": RESULT,
    "error": RESULT,
    "skipped": RESULT,
    "system-out": Allowed(),
}


def rendered(*folders: RunFolder) -> str:
    runs = [recorded.read(folder) for folder in folders]
    if len(runs) == 1:
        comparison = assess.compare_run(runs[0])
    else:
        comparison = assess.compare_two(runs[0], runs[1])
    text = junit.render(comparison, runs)
    check(ElementTree.fromstring(text))  # noqa: S314
    return text


def check(element: ElementTree.Element) -> None:
    """Check an element and everything in it against the schema."""
    allowed = SCHEMA[element.tag]
    required = set(allowed.required.split())
    assert required <= set(element.attrib) <= required | set(allowed.others.split()), element.tag
    assert {child.tag for child in element} <= set(allowed.children.split()), element.tag
    if element.tag in ("testsuites", "testsuite"):
        assert TIME.fullmatch(element.attrib["time"])
    for child in element:
        check(child)


def suites(*folders: RunFolder) -> dict[str, TestSuite]:
    listed = list(JUnitXml.fromstring(rendered(*folders).encode()))
    named = {str(suite.name): suite for suite in listed}
    assert len(named) == len(listed)
    return named


def results(suite: TestSuite) -> dict[str, Sequence[object]]:
    return {str(case.name): case.result for case in suite}


def the_case(suite: TestSuite) -> TestCase:
    (case,) = suite
    assert isinstance(case, TestCase)
    return case


def text_of(result: object) -> tuple[str, str, str]:
    assert isinstance(result, (Failure, Error, Skipped))
    return str(result.type), str(result.message), str(result.text)


def test_a_suite_for_each_image_and_each_pair(tmp_path: Path) -> None:
    by_name = suites(tf_and_theano(tmp_path / "one"))
    assert {name: len(suite) for name, suite in by_name.items()} == {
        "one: cells on tf": 1,
        "one: cells on theano": 1,
        "mlp (one): theano against tf": 1,
    }
    assert all(case.is_passed for suite in by_name.values() for case in suite)
    case = the_case(by_name["one: cells on theano"])
    assert (case.name, case.classname, case.time) == ("theano", "mlp.theano", 2.1)
    case = the_case(by_name["mlp (one): theano against tf"])
    assert (case.name, case.classname) == ("evaluate.loss", "theano against tf")


def test_the_environment_of_the_cells_is_in_the_suites_properties(tmp_path: Path) -> None:
    cells = [Cell("tf", seed=seed) for seed in (3, 4)]
    folder = run_folder(
        tmp_path / "one", [record(cell, call(metrics={"a": 1.0})) for cell in cells]
    )
    suite = suites(folder)["one: cells on tf"]
    values = {entry.name: entry.value for entry in suite.properties()}  # type: ignore[no-untyped-call]
    assert values["seeds"] == "3, 4"
    assert str(values["image.id"]).startswith("sha256:")
    assert (values["backend"], values["keras"], values["floatx"]) == (
        "tensorflow",
        "2.3.1",
        "float32",
    )
    assert suite.timestamp == "2026-01-01T00:00:00+00:00"


def test_the_totals_are_those_of_the_suites(tmp_path: Path) -> None:
    text = rendered(tf_and_theano(tmp_path / "one", theano=0.75))
    root = JUnitXml.fromstring(text.encode())
    assert (root.name, root.tests, root.failures, root.errors) == ("mlp (one)", 3, 1, 0)
    assert root.time == 4.2


def test_a_metric_that_differs_is_a_failure_with_a_message(tmp_path: Path) -> None:
    by_name = suites(tf_and_theano(tmp_path / "one", theano=0.75))
    (result,) = the_case(by_name["mlp (one): theano against tf"]).result
    assert isinstance(result, Failure)
    kind, message, text = text_of(result)
    assert kind == "differ"
    assert message == "evaluate.loss (0.75 against 0.5; allowed 0.001 + 0.1%)"
    assert text.splitlines() == [
        *("tf: 0.5", "theano: 0.75", "difference: 0.25", "relative: 50%"),
        "allowed: 0.001 + 0.1%",
        "question: same computation? there is one run of each",
        "furthest apart: seed None",
    ]


def test_a_metric_on_one_side_is_a_failure(tmp_path: Path) -> None:
    records = [record(Cell("tf"), call(metrics={"loss": 0.5})), record(Cell("theano"), call())]
    by_name = suites(run_folder(tmp_path / "one", records))
    (result,) = the_case(by_name["mlp (one): theano against tf"]).result
    assert text_of(result)[:2] == (
        "missing",
        "evaluate.loss (tf has it, theano does not)",
    )


def seeds(path: Path, theano: Sequence[float]) -> RunFolder:
    return run_folder(
        path,
        [
            record(Cell(image, seed=seed), call(metrics={"loss": loss}, seconds=1.0))
            for image, values in (("tf", [0.5] * len(theano)), ("theano", theano))
            for seed, loss in enumerate(values)
        ],
    )


def test_too_few_seeds_are_skipped(tmp_path: Path) -> None:
    by_name = suites(seeds(tmp_path / "one", [0.4, 0.61]))
    (result,) = the_case(by_name["mlp (one): theano against tf"]).result
    assert isinstance(result, Skipped)
    kind, message, text = text_of(result)
    assert kind == "inconclusive"
    assert message.startswith("Too few seeds to tell: evaluate.loss (0.505 [0.4..0.61] against ")
    assert "--init paired gives all images the same first weights" in message
    assert "method: Mean of the differences on 2 seeds" in text


def test_times_are_in_the_output_and_not_test_cases(tmp_path: Path) -> None:
    by_name = suites(seeds(tmp_path / "one", [0.5, 0.5]))
    suite = by_name["mlp (one): theano against tf"]
    assert list(results(suite)) == ["evaluate.loss"]
    assert (
        "evaluate.seconds: tf 1 [1..1], theano 1 [1..1] (reported, not judged)"
        in suite.tostring().decode()  # type: ignore[no-untyped-call]
    )


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        *(
            (outcome, Failure)
            for outcome in (Outcome.SCRIPT_ERROR, Outcome.TIMEOUT, Outcome.CRASHED)
        ),
        *((outcome, Failure) for outcome in (Outcome.OUT_OF_MEMORY, Outcome.BACKEND_BOUND)),
        *((outcome, Error) for outcome in (Outcome.ENGINE_ERROR, Outcome.MISMATCH, Outcome.KILLED)),
        *((outcome, Error) for outcome in (Outcome.LIMIT_NOT_APPLIED, Outcome.INTERRUPTED)),
    ],
)
def test_a_cell_without_a_result(outcome: Outcome, kind: type, tmp_path: Path) -> None:
    bad = record(Cell("theano"), outcome=outcome, reason="It broke.", log_tail=("one", "two"))
    good = record(Cell("tf"), call(metrics={"loss": 0.5}))
    by_name = suites(run_folder(tmp_path / "one", [good, bad]))
    (result,) = the_case(by_name["one: cells on theano"]).result
    assert isinstance(result, kind)
    assert text_of(result) == (outcome.value, "It broke.", "It broke.\none\ntwo")
    assert "mlp (one): theano against tf" not in by_name, "nothing was judged"


def test_a_cell_that_has_not_run_is_skipped(tmp_path: Path) -> None:
    cells = [Cell("tf"), Cell("theano")]
    folder = run_folder(tmp_path / "one", [record(cells[0], call(metrics={"a": 1.0}))], cells=cells)
    (result,) = the_case(suites(folder)["one: cells on theano"]).result
    assert isinstance(result, Skipped)
    assert text_of(result)[0] == "not run"


def test_failures_only(tmp_path: Path) -> None:
    records = [record(Cell(image), outcome=Outcome.TIMEOUT) for image in ("tf", "theano")]
    by_name = suites(run_folder(tmp_path / "one", records))
    assert list(by_name) == ["one: cells on tf", "one: cells on theano"]
    assert all(suite.failures == 1 for suite in by_name.values())


def hostile() -> list[Record]:
    return [
        record(Cell("tf"), call(metrics={HOSTILE: 0.5}), notes=(HOSTILE,)),
        record(Cell("theano"), call(metrics={HOSTILE: 0.75})),
        record(
            Cell("jax"), outcome=Outcome.SCRIPT_ERROR, reason=HOSTILE, log_tail=(HOSTILE, "]]>")
        ),
    ]


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = rendered(run_folder(tmp_path / "one", hostile()))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe]", text)
    by_name = {str(suite.name): suite for suite in JUnitXml.fromstring(text.encode())}
    case = the_case(by_name["mlp (one): theano against tf"])
    assert case.name == "evaluate.a|b]<script>&lt;2J]]> evaluate.x"
    (failed,) = the_case(by_name["one: cells on jax"]).result
    assert "<script>&lt;2J]]>\nevaluate.x" in text_of(failed)[2]


def test_settings_are_suites_of_their_own(tmp_path: Path) -> None:
    double = KerasSettings(floatx=Floatx.FLOAT64)
    cells = [
        Cell(image, settings)
        for image in ("tf", "theano")
        for settings in (KerasSettings(), double)
    ]
    folder = run_folder(
        tmp_path / "one", [record(cell, call(metrics={"loss": 0.5})) for cell in cells]
    )
    by_name = suites(folder)
    assert {"one: cells on tf", "one: cells on tf.float64"} < set(by_name)
    assert list(results(by_name["mlp (one): theano against tf"])) == [
        "default: evaluate.loss",
        "float64: evaluate.loss",
    ]


def test_two_runs(tmp_path: Path) -> None:
    old, new = tf_and_theano(tmp_path / "old"), tf_and_theano(tmp_path / "new", theano=0.75)
    by_name = suites(old, new)
    assert list(by_name) == [
        *("old: cells on tf", "old: cells on theano", "new: cells on tf", "new: cells on theano"),
        "old against new: new against old",
    ]
    kinds = {
        name: [type(problem).__name__ for problem in result]
        for name, result in results(by_name["old against new: new against old"]).items()
    }
    assert kinds == {"tf: evaluate.loss": [], "theano: evaluate.loss": ["Failure"]}


def test_many_rows(tmp_path: Path) -> None:
    metrics = {f"m{number}": 0.5 for number in range(500)}
    records = [record(Cell(image), call(metrics=metrics)) for image in ("tf", "theano")]
    suite = suites(run_folder(tmp_path / "one", records))["mlp (one): theano against tf"]
    assert suite.tests == len(suite) == 500


def test_the_order_is_not_that_of_the_run(tmp_path: Path) -> None:
    planned = [("tf", 0), ("theano", 2), ("tf", 1), ("theano", 0), ("theano", 1), ("tf", 2)]
    records = [
        record(Cell(image, seed=seed), call(metrics={"loss": 0.5})) for image, seed in planned
    ]
    by_name = suites(run_folder(tmp_path / "one", records))
    assert list(by_name)[:2] == ["one: cells on tf", "one: cells on theano"]
    assert list(results(by_name["one: cells on theano"])) == [
        *("theano.seed0", "theano.seed1", "theano.seed2"),
    ]
