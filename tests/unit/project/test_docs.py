"""The documentation: links lead somewhere, blocks are what they say, and its examples run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from keras_matrix.load import catalog, reported, tolerances
from tests import ROOT, documents
from tests.documents import DOCUMENTS, ENGINE, PATHS, Block, Shell

BLOCKS = [block for document in DOCUMENTS.values() for block in document.blocks]
ACTION = ".github/actions/keras-matrix"


def of_languages(*languages: str) -> list[Any]:
    """Return the blocks in some languages, as parameters of a test."""
    found = [block for block in BLOCKS if block.language in languages]
    assert found, f"no block in {languages}"
    return [pytest.param(block, id=block.place) for block in found]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = DOCUMENTS[name]
    for link in document.links():
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        assert target.exists(), f"{name}: {link} is not there"
        assert target.is_relative_to(ROOT), f"{name}: {link} leads out of the repository"
        if anchor:
            assert anchor in documents.read(target).anchors, f"{name}: {link} has no such heading"


def test_every_document_is_linked_to() -> None:
    seen = {ROOT / "README.md"}
    pending = list(seen)
    while pending:
        path = pending.pop()
        for link in documents.read(path).links():
            target = (path.parent / link.partition("#")[0]).resolve()
            if target in PATHS and target not in seen:
                seen.add(target)
                pending.append(target)
    assert seen == set(PATHS)


class TextsAndNumbers(yaml.BaseLoader):
    """Reads ``on`` as a text, and a number as a number."""


NUMBER = "tag:yaml.org,2002:int"
TextsAndNumbers.add_implicit_resolver(NUMBER, re.compile("[0-9]+$"), list("0123456789"))
TextsAndNumbers.add_constructor(NUMBER, lambda _, node: int(node.value))


def workflow(block: Block) -> dict[str, Any]:
    """Return the workflow in a block; steps alone get one around them."""
    # As GitHub reads it: "on" is a word.
    parsed = yaml.load(block.text, TextsAndNumbers)  # noqa: S506 # it makes nothing else
    if isinstance(parsed, dict):
        return parsed
    return {"on": "push", "jobs": {"job": {"runs-on": "ubuntu-24.04", "steps": parsed}}}


@pytest.mark.parametrize("block", of_languages("yaml"))
def test_workflows_use_the_action_as_it_is(block: Block) -> None:
    inputs = yaml.safe_load((ROOT / ACTION / "action.yml").read_text())["inputs"]
    used = [
        step
        for job in workflow(block)["jobs"].values()
        for step in job["steps"]
        if re.search(rf"/{re.escape(ACTION)}@", step.get("uses", ""))
    ]
    assert used
    for step in used:
        assert set(step["with"]) <= set(inputs)
        assert {name for name, one in inputs.items() if one["required"]} <= set(step["with"])


@pytest.mark.parametrize("block", of_languages("yaml"))
def test_workflows_are_of_githubs_schema(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(json.dumps(workflow(block)))
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("block", of_languages("sh"))
def test_shell_is_shell(block: Block) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", of_languages("toml"))
def test_toml_is_what_it_is_called(block: Block, tmp_path: Path) -> None:
    path = tmp_path / Path(block.file).name
    path.write_text(block.text)
    if path.name == catalog.CATALOG_FILE:
        for entry in msgspec.toml.decode(block.text)["image"]:
            (tmp_path / entry["folder"]).mkdir()
            (tmp_path / entry["folder"] / "Dockerfile").touch()
        assert catalog.load(tmp_path).images
    elif path.name == tolerances.TOLERANCE_FILE:
        assert tolerances.load(path)
    else:
        assert path.name == reported.REPORTED_FILE
        assert reported.load(path).figures


@pytest.mark.parametrize("block", of_languages("python"))
def test_python_is_python(block: Block) -> None:
    compile(block.text, block.place, "exec")


WITHOUT_ENGINE = dict.fromkeys(
    str(block.path.relative_to(ROOT))
    for block in BLOCKS
    if block.language == "console" and ENGINE not in block.words
)


@pytest.mark.parametrize("name", WITHOUT_ENGINE)
def test_examples_that_need_no_engine(name: str, tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KERAS_MATRIX")}
    nowhere = {"DOCKER_HOST": "unix:///nonexistent.sock", "HOME": str(tmp_path / "home")}
    shell = Shell(tmp_path, {**kept, **nowhere, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert shell.follow(DOCUMENTS[name], engine=False)


def test_blocks_are_in_languages_that_are_looked_at() -> None:
    looked_at = {"console", "sh", "toml", "python", "yaml", "json", "dockerfile", "text"}
    assert {block.language for block in BLOCKS} <= looked_at


def follow(text: str, folder: Path) -> int:
    """Run the examples of a document with that text."""
    path = folder / "some.md"
    path.write_text(text)
    return Shell(folder, dict(os.environ)).follow(documents.read(path), engine=False)


def test_a_file_is_there_for_the_commands_after_it(tmp_path: Path) -> None:
    text = "```text file=a/b\none two\n```\n\n```console\n$ cat a/b\none ...\n$ true\n```\n"
    assert follow(text, tmp_path) == 2


@pytest.mark.parametrize(
    ("session", "told"),
    [
        ("$ echo one\ntwo", "--- printed\none"),
        ("$ echo one", "--- printed\none"),
        ("$ true\none", "--- wanted\none"),
        ("$ echo one\n... two", "--- printed\none"),
        ("$ false", "ends with status 1"),
        ("$ false\n$ echo $?\n2", "--- printed\n1"),
        ("one\n$ true", "output without a command"),
    ],
)
def test_examples_that_are_not_so_are_found(session: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=re.escape(told)):
        follow(f"```console\n{session}\n```\n", tmp_path)


def test_a_status_that_is_told_is_fine(tmp_path: Path) -> None:
    assert follow("```console\n$ (exit 7)\n$ echo $?\n7\n```\n", tmp_path) == 2


def test_what_is_read_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "some.md"
    path.write_text("# A `b`\n\n[c](d.md#e) ![f](g.png)\n\n| h |\n| --- |\n| `i` |\n\n## J\n")
    found = documents.read(path)
    assert found.anchors == {"", "a-b", "j"}
    assert found.links() == ["d.md#e", "g.png"]
    assert found.section("A b").rows == [("`i`",)]
    assert found.codes() == ["b", "i"]
