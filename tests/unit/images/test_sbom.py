import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from keras_matrix.errors import ConfigurationError
from keras_matrix.images import sbom
from keras_matrix.images.contents import Contents, DebianPackage, locked_hashes, parse_debian
from keras_matrix.images.verify import Installed, locked_versions
from tests import ROOT
from tests.unit.records.builders import identity

HASHES = ("a" * 64, "b" * 64)
INSIDE = Contents(
    installed=Installed(python="3.6.15", packages={"numpy": "1.16.6", "six": "1.17.0"}),
    release={"ID": "debian", "VERSION_ID": "12"},
    debian=(
        DebianPackage("libc6", "2.36-9", "amd64", "glibc"),
        DebianPackage("zlib1g", "1:1.2.13", "amd64", "zlib1g"),
    ),
)


def bill(inside: Contents = INSIDE) -> str:
    return sbom.render(identity("tf"), inside, {"numpy": HASHES})


def components() -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(bill())["components"]}


@pytest.mark.parametrize("inside", [INSIDE, Contents(INSIDE.installed, {}, ())])
def test_a_bill_is_valid(inside: Contents) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill(inside)) is None


def test_a_bill_is_of_the_image_by_digest() -> None:
    found = json.loads(bill())["metadata"]["component"]
    digest = identity("tf").id
    assert found["purl"].startswith("pkg:oci/tf@sha256")
    assert found["hashes"] == [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}]
    assert {"name": "keras-matrix:base", "value": "hub"} in found["properties"]


def test_all_contents_are_listed() -> None:
    assert {name: one.get("purl") for name, one in components().items()} == {
        "debian": None,
        "python": "pkg:generic/python@3.6.15",
        "numpy": "pkg:pypi/numpy@1.16.6",
        "six": "pkg:pypi/six@1.17.0",
        "libc6": "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc",
        "zlib1g": "pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64&distro=debian-12",
    }


def test_a_package_has_the_hashes_of_the_lock() -> None:
    (place,) = components()["numpy"]["externalReferences"]
    assert sorted(one["content"] for one in place["hashes"]) == list(HASHES)
    assert "hashes" not in components()["six"]["externalReferences"][0]


def test_the_same_image_has_the_same_serial_number() -> None:
    assert json.loads(bill())["serialNumber"] == json.loads(bill())["serialNumber"]


def test_without_the_library_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"keras-matrix\[sbom\]"):
        bill()


def test_removed_packages_are_not_inside() -> None:
    listed = "ii \tlibc6\t2.36\tamd64\tglibc\nrc \told\t1\tall\told\n"
    assert parse_debian(listed) == (DebianPackage("libc6", "2.36", "amd64", "glibc"),)
    assert parse_debian("") == ()


def test_another_answer_of_dpkg_is_refused() -> None:
    with pytest.raises(ValueError, match="other fields"):
        parse_debian("ii \tlibc6\n")


def test_hashes_are_read_from_all_locks(tmp_path: Path) -> None:
    (tmp_path / "requirements-bootstrap.txt").write_text(
        f"pip==21.3.1 \\\n  --hash=sha256:{'a' * 64}\n"
    )
    (tmp_path / "requirements.txt").write_text(
        f"Typing_Extensions==4.1.1 ; python_version < '4' \\\n    --hash=sha256:{'b' * 64} \\\n"
        f"    --hash=sha256:{'c' * 64}\n    # via keras\nsix==1.0 --hash=sha256:{'d' * 64}\n"
    )
    assert locked_hashes(tmp_path) == {
        "pip": ("a" * 64,),
        "typing-extensions": ("b" * 64, "c" * 64),
        "six": ("d" * 64,),
    }


@pytest.mark.parametrize("name", ["tf", "theano"])
def test_all_that_is_locked_has_hashes(name: str) -> None:
    folder = ROOT / "docker" / name
    found = locked_hashes(folder)
    assert found.keys() == locked_versions(folder).keys()
    assert all(found.values())
