"""The documentation's reference: what it says of commands, files, formats and codes is so."""

import dataclasses
import re
import typing
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
import yaml

from keras_matrix import pytest_plugin
from keras_matrix.cli.options import Format
from keras_matrix.cli.root import cli
from keras_matrix.compare import assess, reproduction
from keras_matrix.errors import ExitCode
from keras_matrix.load import catalog, data_sets, reported
from keras_matrix.plan import tolerance
from keras_matrix.plan.cells import Caps, Cell, Limits, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.records import events, observation, suite_events
from keras_matrix.records import events as environment
from keras_matrix.records.record import HostFacts, Manifest, Outcome, Record, Timing
from keras_matrix.records.recorded import read
from keras_matrix.report import csv, json
from keras_matrix.report import reproduction as report
from keras_matrix.report.trace import REACHING
from keras_matrix.trace.cause import Hint, Referee
from keras_matrix.trace.distance import Distance
from keras_matrix.trace.finding import Finding, FindingKind, MinimalScript, Origin
from keras_matrix.trace.literature import RateOfChange
from keras_matrix.trace.reach import Reached
from keras_matrix.trace.result import ImageTrace, StageSummary, Trace
from tests import ROOT, documents
from tests.documents import DOCUMENTS, Block, Document, Section, codes_in
from tests.unit.records.builders import call, record, run_folder

BLOCKS = [block for document in DOCUMENTS.values() for block in document.blocks]
HELP = {"--help", "-h"}
ACTION = ".github/actions/keras-matrix"


def all_commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a group and all commands below it, by what is typed."""
    yield name, group
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{name} {each}")
        else:
            yield f"{name} {each}", command


CLICK = dict(all_commands(cli, "keras-matrix"))


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return a command's options by all their names."""
    found = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for name in (*parameter.opts, *parameter.secondary_opts):
                found[name] = parameter
    return found


def sections_of(document: Document, title: str) -> list[Section]:
    """Return a command's section, and those of shared options that it links to."""
    own = document.section(title)
    anchors = {link.removeprefix("#") for link in own.links if link.startswith("#options-")}
    shared = [section for section in document.sections if section.anchor in anchors]
    assert len(shared) == len(anchors)
    return [own, *shared]


CLI = DOCUMENTS["docs/reference/cli.md"]


@pytest.mark.parametrize("name", CLICK)
def test_reference_has_a_command_with_its_options(name: str) -> None:
    command = CLICK[name]
    rows = [row for section in sections_of(CLI, name) for row in section.rows]
    documented = {code.split()[0]: row for row in rows for code in codes_in(row[0])}
    wanted = options_of(command)
    assert {option for option in documented if option.startswith("-")} - HELP == set(wanted)
    for option, parameter in wanted.items():
        text = " ".join(documented[option])
        codes = codes_in(text)
        if isinstance(parameter.type, click.Choice):
            assert set(parameter.type.choices) <= set(codes), f"{name} {option}: its choices"
        if parameter.show_default and not parameter.is_flag:
            assert str(parameter.default) in codes, f"{name} {option}: its default"


@pytest.mark.parametrize("name", CLICK)
def test_reference_has_how_a_command_is_called(name: str) -> None:
    command = CLICK[name]
    if isinstance(command, click.Group):
        assert set(CLI.section(name).links) >= {
            "#" + CLI.section(other).anchor for other in CLICK if other.rpartition(" ")[0] == name
        }
        return
    usage = command.collect_usage_pieces(click.Context(command))
    assert " ".join([name, *usage]) in CLI.section(name).codes


def test_reference_has_no_command_that_does_not_exist() -> None:
    titles = [one.title for one in CLI.sections if one.title.startswith("keras-matrix")]
    assert sorted(titles) == sorted(CLICK)


def called(block: Block) -> Iterator[tuple[str, click.Command, list[str]]]:
    """Yield the commands that a block calls, each with its arguments."""
    for words in documents.commands(block):
        name, command = "keras-matrix", CLICK["keras-matrix"]
        while isinstance(command, click.Group) and words and f"{name} {words[0]}" in CLICK:
            name = f"{name} {words.pop(0)}"
            command = CLICK[name]
        yield name, command, words


@pytest.mark.parametrize(
    "block", [pytest.param(b, id=b.place) for b in BLOCKS if b.language in ("sh", "console")]
)
def test_commands_are_called_as_they_take_it(block: Block) -> None:
    for name, command, words in called(block):
        if words[:1] in (["--help"], ["--version"]):
            continue
        assert not isinstance(command, click.Group), f"{block.place}: {name} {words}"
        command.make_context(name, words)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_options_that_are_quoted_exist(name: str) -> None:
    every = {option for command in CLICK.values() for option in options_of(command)}
    for code in DOCUMENTS[name].codes():
        known = every | {*HELP, pytest_plugin.RESULTS_OPTION}
        if code.startswith("keras-matrix "):
            called = [one for one in CLICK if f"{code} ".startswith(f"{one} ")]
            assert len(called) > 1 or code.split()[1] in ("COMMAND", "[OPTIONS]"), code
            known = {*options_of(CLICK[max(called, key=len)]), *HELP}
        elif not code.startswith("-") or code.startswith("-- "):
            continue
        own, *_ = code.split(" -- ")
        for option in re.findall(r"(?<!\S)(?:--[a-z][a-z-]*|-[a-z]\b)", own):
            assert option in known, f"{name}: `{code}`"


def test_exit_codes() -> None:
    document = DOCUMENTS["docs/reference/exit-codes.md"]
    codes = [int(row[0]) for section in document.sections for row in section.rows]
    assert codes == [int(code) for code in ExitCode]


def test_environment_variables() -> None:
    beside = ("toxfile.py", "docker/with-engine.sh")
    sources = [*(ROOT / "runner").rglob("*.py"), *(ROOT / name for name in beside)]
    known = {
        found
        for path in sources
        for found in re.findall(r"\bKERAS_MATRIX_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    documented = {
        code
        for row in CLI.section("Environment variables").rows
        for code in codes_in(row[0])
        if code.startswith("KERAS_MATRIX_")
    }
    assert documented == known


def test_data_sets() -> None:
    rows = DOCUMENTS["docs/how-to/air-gapped.md"].section("Data sets").rows
    found = {codes_in(row[0])[0]: codes_in(row[1]) for row in rows}
    assert found == {
        name: [file for either in files for file in either.split("|")]
        for name, files in data_sets.FILES.items()
    }


FILES = DOCUMENTS["docs/reference/files.md"]
FORMATS = DOCUMENTS["docs/reference/formats.md"]
KINDS = {
    "Manifest": Manifest,
    "Plan": Plan,
    "Cell": Cell,
    "Limits": Limits,
    "Image": ImageIdentity,
    "Host": HostFacts,
    "Record": Record,
    "Observation": observation.Observation,
    "Environment": environment.Environment,
    "Model": events.ModelDescription,
    "Call": observation.Call,
    "End": events.End,
    "Error": events.Failure,
    "Trace": Trace,
    "Image of a trace": ImageTrace,
    "Finding": Finding,
    "Distance": Distance,
    "Reach": Reached,
}
"""Title of a section to what is written of it."""
NESTED = {
    ("Plan", "caps"): Caps,
    ("Cell", "settings"): KerasSettings,
    ("Record", "timing"): Timing,
    ("Environment", "confinement"): environment.Confinement,
    ("Environment", "limits"): environment.AppliedLimits,
    ("Model", "layers"): events.Layer,
    ("Call", "arrays"): events.Array,
    ("Call", "epochs"): observation.Epoch,
    ("Error", "deepest"): events.SourceLine,
    ("Observation", "suite"): suite_events.Case,
    ("Image of a trace", "stages"): StageSummary,
    ("Image of a trace", "rates"): RateOfChange,
    ("Finding", "hint"): Hint,
    ("Finding", "referee"): Referee,
    ("Finding", "script"): MinimalScript,
}
"""Fields whose own fields are told beside them."""


def fields_of(kind: type[Any]) -> list[str]:
    """Return the fields of a dataclass or struct, as they are in JSON."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    tag = kind.__struct_config__.tag_field
    return [*([tag] if tag else []), *(one.encode_name for one in msgspec.structs.fields(kind))]


def firsts(section: Section) -> list[str]:
    """Return what the first column of a section's tables quotes."""
    return [code for row in section.rows for code in codes_in(row[0])]


@pytest.mark.parametrize("title", KINDS)
def test_fields_of_files(title: str) -> None:
    assert firsts(FILES.section(title)) == fields_of(KINDS[title])


@pytest.mark.parametrize(("title", "name"), NESTED)
def test_fields_within_fields(title: str, name: str) -> None:
    rows = {codes_in(row[0])[0]: row for row in FILES.section(title).rows}
    assert set(codes_in(rows[name][1])) >= set(fields_of(NESTED[title, name]))


def test_outcomes() -> None:
    assert firsts(FILES.section("Outcomes")) == [outcome.value for outcome in Outcome]


def test_kinds_of_findings() -> None:
    kinds = [kind.value for kind in FindingKind]
    assert firsts(DOCUMENTS["docs/explanation/trace.md"].section("Findings")) == kinds
    (row,) = (row for row in CLI.section("keras-matrix trace").rows if "fail-on" in row[0])
    assert [c for c in codes_in(row[2]) if c not in (REACHING, "any", "none")] == kinds


def test_origins_of_findings() -> None:
    rows = {codes_in(row[0])[0]: row for row in FILES.section("Finding").rows}
    assert set(codes_in(rows["origin"][1])) == {origin.value for origin in Origin}


def test_events() -> None:
    rows = FILES.section("events.jsonl").rows
    known = {
        kind.__struct_config__.tag: fields_of(kind)[1:] for kind in typing.get_args(events.Event)
    }
    assert {codes_in(row[0])[0] for row in rows} == set(known)
    for event, fields in ((codes_in(row[0])[0], codes_in(row[1])) for row in rows):
        # Of the others the fields are told above.
        assert fields == known[event] or (not fields and event in ("environment", "model", "end"))


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("tolerances.toml", [tolerance.Tolerance]),
        ("reported.toml", [reported._Figure, reported._Claim]),
    ],
)
def test_fields_of_files_beside_a_script(title: str, kind: list[type[Any]]) -> None:
    assert firsts(FILES.section(title)) == [name for one in kind for name in fields_of(one)]


def test_fields_of_the_catalog() -> None:
    found = firsts(DOCUMENTS["docs/reference/images.md"].section("The catalog"))
    assert sorted(found) == sorted([*fields_of(catalog.Image), *fields_of(catalog.PinnedBase)])


def test_a_comparison_as_json(tmp_path: Path) -> None:
    cells = [Cell(image, seed=seed) for image in ("tf", "theano") for seed in range(3)]
    records = [
        record(cell, call(metrics={"loss": len(cell.image) * (cell.seed or 1)})) for cell in cells
    ]
    described = loads(json.render(assess.compare_run(read(run_folder(tmp_path, records)))))
    assert firsts(FORMATS.section("A comparison as JSON")) == list(described)
    (row,) = described["rows"]
    assert firsts(FORMATS.section("Rows")) == list(row)
    assert firsts(FORMATS.section("Inference")) == list(row["inference"])


def test_a_reproduction_as_json() -> None:
    figure = reported.Figure("tf", "evaluate.loss", 0.5, 0.1, reported.Unit.NONE)
    claim = reported.Claim("A", "fit.loss", "tf", "theano", reported.Direction.LOWER)
    judged = reproduction.judge(reported.Reported({}, (figure,), (claim,)), {})
    described = loads(report.render(judged))
    rows = {codes_in(row[0])[0]: row for row in FORMATS.section("A reproduction as JSON").rows}
    assert list(rows) == list(described)
    for name in ("figures", "claims"):
        assert codes_in(rows[name][1]) == list(described[name][0])


def test_columns_of_csv() -> None:
    assert firsts(FORMATS.section("CSV")) == list(csv.CSV_COLUMNS)


def test_formats() -> None:
    assert firsts(FORMATS.section("Formats")) == [one.value for one in Format]


CI = DOCUMENTS["docs/how-to/ci.md"]


def test_inputs_and_outputs_of_the_action() -> None:
    described = yaml.safe_load((ROOT / ACTION / "action.yml").read_text())
    rows = {codes_in(row[0])[0]: row for row in CI.section("GitHub Actions").rows}
    assert list(rows) == [*described["inputs"], *described["outputs"]]
    for name, given in described["inputs"].items():
        assert codes_in(rows[name][1]) == ([given["default"]] if given.get("default") else [])


def test_names_of_the_pytest_plugin() -> None:
    rows = CI.section('pytest: a test that says "agrees on both"').rows
    names = [codes_in(row[0])[0].split()[0] for row in rows]
    assert names == [
        pytest_plugin.MARKER,
        pytest_plugin.keras_matrix.__name__,
        pytest_plugin.keras_matrix_result.__name__,
        pytest_plugin.RESULTS_OPTION,
        pytest_plugin.RESULTS_INI,
    ]
    public = {name for name in dir(pytest_plugin.MatrixResult) if not name.startswith("_")}
    result = {code.removesuffix("()") for code in codes_in(rows[2][1])}
    assert result <= public | {one.name for one in dataclasses.fields(pytest_plugin.MatrixResult)}
