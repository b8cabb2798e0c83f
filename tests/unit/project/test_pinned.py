"""What is installed on the host is pinned, on all versions of Python that are supported."""

import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCKS = ("constraints.txt", "host.txt")
GROUPS = ("test", "browser", "mlflow", "type")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@cache
def text_of(name: str) -> str:
    return (ROOT / "locks" / name).read_text(encoding="utf-8")


@cache
def pins(name: str, python: str) -> dict[str, str]:
    """Return a lock's versions for a version of Python on Linux."""
    where = {"python_full_version": f"{python}.0", "python_version": python}
    found: dict[str, str] = {}
    lines: list[str] = re.findall(r"^[a-z0-9][^\\\n]*", text_of(name), re.MULTILINE)
    for line in lines:
        pinned = Requirement(line)
        if pinned.marker is None or pinned.marker.evaluate({**where, "sys_platform": "linux"}):
            (version,) = pinned.specifier
            assert version.operator == "=="
            found[canonicalize_name(pinned.name)] = version.version
    return found


def asked(*groups: str) -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for: its dependencies, extras and some groups."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values() if groups else ():
        texts += extra
    for group in groups:
        texts += [one for one in project["dependency-groups"][group] if isinstance(one, str)]
    yield from map(Requirement, texts)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("name", "groups"), [("constraints.txt", GROUPS), ("host.txt", ())])
def test_all_that_is_asked_for_is_pinned(name: str, groups: tuple[str, ...], python: str) -> None:
    found = pins(name, python)
    for one in asked(*groups):
        if one.marker is None or one.marker.evaluate({"python_version": python}):
            assert one.specifier.contains(found[canonicalize_name(one.name)]), (
                f"{one} is not what locks/{name} pins; run locks/update.sh"
            )


@pytest.mark.parametrize("python", PYTHONS)
def test_both_locks_pin_the_same(python: str) -> None:
    assert pins("host.txt", python).items() <= pins("constraints.txt", python).items()


def test_what_is_installed_first_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", text_of("host.txt"))[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index(name: str) -> None:
    assert not re.search(r"://|--index|--find-links|--extra|--trusted", text_of(name))


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_images_hold_is_not_the_hosts(name: str) -> None:
    assert not {"tensorflow", "theano", "keras"} & pins(name, "3.12").keys()
