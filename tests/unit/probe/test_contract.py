"""Host and probe know the same names: their two contracts, and all that neither spells out."""

import ast
from collections.abc import Iterator
from enum import Enum, EnumMeta
from pathlib import Path
from typing import Any, get_args

import keras_matrix_probe
from keras_matrix.plan import contract as host
from keras_matrix.records.events import Event
from keras_matrix.run.cell import wait
from keras_matrix.trace import dump
from keras_matrix.trace.explain import trials
from keras_matrix_probe import contract as probe
from keras_matrix_probe.__main__ import parse

PROBE = Path(keras_matrix_probe.__file__).parent


def values(module: Any) -> dict[str, Any]:
    """Return what a contract defines, by name; of a class, its members or fields."""
    return {
        name: comparable(value)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", module.__name__) in (module.__name__, "pathlib")
        and (not isinstance(value, type) or value.__module__ == module.__name__)
    }


def comparable(value: Any) -> Any:
    if isinstance(value, EnumMeta):
        members: list[Enum] = list(value)
        return {member.name: member.value for member in members}
    if isinstance(value, type):
        fields: Any = value
        return fields._fields, fields._field_defaults
    return value


def test_both_contracts_are_the_same() -> None:
    assert values(host) == values(probe)
    assert {"PROTOCOL", "SCRATCH", "LOG_FILES", "CellRequest", "EndStatus"} <= set(values(host))


def calls(method: str) -> Iterator[str]:
    """Yield the first argument of each call of a method in the probe."""
    for path in PROBE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                if node.func.attr == method and isinstance(first, ast.Constant):
                    yield str(first.value)


def tags(union: Any) -> set[str]:
    return {kind.__struct_config__.tag for kind in get_args(union)}


def test_the_probe_writes_the_events_that_the_host_reads() -> None:
    assert set(calls("emit")) == tags(Event)


def test_the_probe_writes_the_entries_that_the_host_reads() -> None:
    assert set(calls("entry")) == tags(dump.Entry)


def test_the_host_has_a_label_for_each_stage_that_takes_time() -> None:
    untimed = {"nodes", "alone.penalty"}
    assert {*calls("_stage"), trials.TRIAL} == set(dump.STAGE_LABELS) | untimed


def test_the_host_reads_every_field_of_a_report() -> None:
    assert wait._EndReport.__struct_fields__ == probe.EndReport._fields


def test_the_probe_takes_every_option_of_the_contract() -> None:
    options = {
        value: [] if name == "PAIRED_OPTION" else ["3"]
        for name, value in vars(host).items()
        if name.endswith("_OPTION")
    }
    given = [word for option, value in options.items() for word in (option, *value)]
    parsed = vars(parse([host.SERVE_COMMAND, *given, "model.py", "--", "-x"]))
    expected = {name.lstrip("-").replace("-", "_"): value for name, value in options.items()}
    assert {name for name, value in parsed.items() if value is not None} == {
        *expected,
        *("command", "script", "arguments"),
    }
    assert parsed["paired"] is True
    assert parsed["epochs_cap"] == parsed["steps_cap"] == 3
    assert all(parsed[name] in ("3", 3, True) for name in expected)
