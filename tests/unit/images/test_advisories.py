import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.images import osv
from keras_matrix.images.advisories import (
    ADVISORIES_FILE,
    Advisories,
    Advisory,
    Range,
    check,
    load,
    render,
    summary,
)
from keras_matrix.images.osv import OsvRecord, gather
from tests import ROOT
from tests.unit.cli.builders import run_cli

Captured = pytest.CaptureFixture[str]

SPANS = (Range("0", "2.1.4"), Range("2.2.0", "2.2.3"))
OLD = Advisory("PYSEC-1", "tensorflow", SPANS, ("CVE-1",), "high")
FOREVER = Advisory("PYSEC-2", "py", (Range("0", last_affected="1.11.0"),))
KNOWN = Advisories(1, "https://example.org", "2024-10-10", ("py", "tensorflow"), (FOREVER, OLD))


def entry(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return a record as OSV has it."""
    return {
        "id": name,
        "modified": "2024-10-10T17:35:05Z",
        "affected": [
            {
                "package": {"name": "Some_Package", "ecosystem": "PyPI"},
                "ranges": [
                    {"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]},
                    {"type": "ECOSYSTEM", "events": list(events)},
                ],
            }
        ],
        **more,
    }


def gathered(*entries: dict[str, Any]) -> Advisories:
    return gather(
        ["some-package"], msgspec.convert(list(entries), list[OsvRecord]), "x", "2024-10-10"
    )


@pytest.mark.parametrize(
    ("version", "mended"),
    [
        ("1.14.0", "2.1.4"),
        ("2.1.4", None),
        ("2.1.4rc1", "2.1.4"),
        ("2.2.0", "2.2.3"),
        ("2.10.0", None),
    ],
)
def test_a_version_within_a_range_is_affected(version: str, mended: str | None) -> None:
    hits = check({"tensorflow": version}, KNOWN).hits
    assert [hit.mended for hit in hits] == ([mended] if mended else [])


def test_without_a_fix_a_version_is_affected_up_to_the_last() -> None:
    (hit,) = check({"py": "1.11.0"}, KNOWN).hits
    assert (hit.mended, hit.url) == (None, "https://osv.dev/vulnerability/PYSEC-2")
    assert check({"py": "1.12.0"}, KNOWN).hits == ()


def test_a_version_that_cannot_be_compared_is_reported() -> None:
    assert len(check({"tensorflow": "of my own"}, KNOWN).hits) == 1


@pytest.mark.parametrize(
    ("span", "version", "mended"),
    [
        (Range("0", "2004d"), "1.0", ["2004d"]),
        (Range("0", "2004d"), "2004d", []),
        (Range("2004d", "2.0"), "1.0", ["2.0"]),
        (Range("2004d", "2.0"), "2.0", []),
        (Range("1.0", "2004d"), "0.9", []),
        (Range("1.0", "2.0"), "2004d", ["2.0"]),
        (Range("0", last_affected="2004d"), "1.0", [None]),
        (Range("0", last_affected="2004d"), "2004d", [None]),
        (Range("0", last_affected="1.0"), "2004d", [None]),
    ],
)
def test_versions_that_pep_440_does_not_know(
    span: Range, version: str, mended: list[str | None]
) -> None:
    """What cannot be compared is reported; what is excluded by the other bound is not."""
    known = Advisories(1, "x", "2024-10-10", ("pytz",), (Advisory("A-1", "pytz", (span,)),))
    found = check({"pytz": version}, known)
    assert [hit.mended for hit in found.hits] == mended
    assert len(list(summary(found))) == len(mended)


def test_the_latest_of_several_fixes() -> None:
    ranges = (Range("0", "2004d"), Range("0", "1.10"), Range("0", "1.9"))
    advisories = tuple(Advisory(f"A-{n}", "pytz", ranges[n:]) for n in range(3))
    found = check({"pytz": "1.0"}, Advisories(1, "x", "2024-10-10", ("pytz",), advisories))
    assert [hit.mended for hit in found.hits] == ["1.10", "1.10", "1.9"]
    assert list(summary(found)) == ["pytz 1.0: 3, all fixed in 1.10"]


def test_a_fix_that_cannot_be_ordered_is_not_counted_as_fixed_in_another_version() -> None:
    fixes = ("not a version", "1.17", "1.20")
    advisories = tuple(Advisory(fix, "pytz", (Range("0", fix),)) for fix in fixes)
    checked = check({"pytz": "1.0"}, Advisories(1, "x", "2024-10-10", ("pytz",), advisories))
    assert list(summary(checked)) == ["pytz 1.0: 3, 2 of them fixed in 1.20"]


def test_packages_that_no_database_was_queried_for_are_named() -> None:
    assert check({"numpy": "1.16.6", "py": "2.0"}, KNOWN).unknown == ("numpy",)


def test_a_line_a_package() -> None:
    found = check({"tensorflow": "1.14.0", "py": "1.11.0"}, KNOWN)
    assert list(summary(found)) == [
        "py 1.11.0: 1, fixed in no version",
        "tensorflow 1.14.0: 1, all fixed in 2.1.4",
    ]


def test_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / ADVISORIES_FILE).write_bytes(render(KNOWN))
    assert load(tmp_path) == KNOWN
    assert render(KNOWN).count(b"\n") == len(KNOWN.advisories) + 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "There is no"),
        (b"[", "is damaged"),
        (b"\xff", "is damaged"),
        (render(msgspec.structs.replace(KNOWN, schema=2)), "has schema 2, not 1"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / ADVISORIES_FILE).write_bytes(content)
    with pytest.raises(ConfigurationError, match=told) as error:
        load(tmp_path)
    assert "images advisories --refresh" in str(error.value)


def test_spans_between_events() -> None:
    found = gathered(
        entry("PYSEC-1", {"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}),
        entry("PYSEC-2", {"introduced": "1.0"}, {"last_affected": "1.5"}),
    )
    assert [one.ranges for one in found.advisories] == [
        (Range("0", "1.0"), Range("2.0")),
        (Range("1.0", last_affected="1.5"),),
    ]


def test_a_record_without_ranges_lists_versions() -> None:
    one = entry("PYSEC-1")
    one["affected"][0] |= {"ranges": [], "versions": ["1.0", "1.1"]}
    (advisory,) = gathered(one).advisories
    assert advisory.ranges == (Range("1.0", None, "1.0"), Range("1.1", None, "1.1"))


def test_a_vulnerability_that_two_databases_list_is_one() -> None:
    span = ({"introduced": "0"}, {"fixed": "1.0"})
    rated = {"database_specific": {"severity": "HIGH"}}
    (advisory,) = gathered(
        entry("GHSA-a", *span, aliases=["PYSEC-1", "CVE-1"], **rated),
        entry("PYSEC-1", *span, aliases=["CVE-1", "GHSA-a"]),
    ).advisories
    assert (advisory.id, advisory.severity) == ("PYSEC-1", "high")
    assert advisory.aliases == ("CVE-1", "GHSA-a")


def test_withdrawn_records_and_other_ecosystems_are_left_out() -> None:
    span = ({"introduced": "0"}, {"fixed": "1.0"})
    other = entry("PYSEC-3", *span)
    other["affected"][0]["package"] = {"name": "some-package", "ecosystem": "npm"}
    found = gathered(entry("PYSEC-1", *span, withdrawn="2024-01-01T00:00:00Z"), other)
    assert found.advisories == ()
    assert found.packages == ("some-package",)


@pytest.fixture
def api() -> Iterator[str]:
    """Serve two pages of records, as OSV's API does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert asked["package"] == {"name": "some-package", "ecosystem": "PyPI"}
            second = asked.get("page_token") == "more"
            span = ({"introduced": "0"}, {"fixed": "1.0"})
            told = {"vulns": [entry("PYSEC-2" if second else "PYSEC-1", *span)]}
            content = json.dumps(told if second else {**told, "next_page_token": "more"})
            self.send_response(200 if self.path == "/v1/query" else 404)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_api_is_queried_page_by_page(api: str) -> None:
    found = osv.refresh(["some-package"], api)
    assert [one.id for one in found.advisories] == ["PYSEC-1", "PYSEC-2"]
    assert found.source == api


def test_a_folder_of_records_is_as_old_as_the_newest(tmp_path: Path) -> None:
    one = entry("PYSEC-1", {"introduced": "0"})
    (tmp_path / "1.json").write_text(json.dumps(one))
    (tmp_path / "2.json").write_text(json.dumps({**one, "id": "GHSA-1", "modified": "2023"}))
    found = osv.refresh(["some-package"], str(tmp_path))
    assert (found.as_of, found.source) == ("2024-10-10", "OSV records: GHSA, PYSEC")


@pytest.mark.parametrize("content", [None, "[", "{}", '{"id": 1}'])
def test_a_source_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "1.json").write_text(content)
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        osv.refresh(["some-package"], str(tmp_path))


def test_an_api_that_fails_is_one_sentence(api: str) -> None:
    with pytest.raises(ConfigurationError, match=r"404.*name another API or a folder"):
        osv.refresh(["some-package"], f"{api}/elsewhere")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Return a copy of the shipped catalog that something is known of."""
    folder = tmp_path / "catalog"
    shutil.copytree(ROOT / "docker", folder)
    known = Advisories(1, "x", "2024-10-10", ("numpy",), (Advisory("A-1", "numpy", SPANS),))
    (folder / ADVISORIES_FILE).write_bytes(render(known))
    return folder


def test_advisories_fail_the_command_only_with_the_option(catalog: Path, capsys: Captured) -> None:
    arguments = ("images", "advisories", "theano", "--catalog", str(catalog))
    assert run_cli(*arguments) == 0
    assert run_cli(*arguments, "--fail") == 6
    assert "numpy 1.16.6: 1, all fixed in 2.1.4" in capsys.readouterr().out


def test_packages_without_a_query_are_named(catalog: Path, capsys: Captured) -> None:
    assert run_cli("images", "advisories", "--json", "--catalog", str(catalog)) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert "tensorflow" in images["tf"]["unknown"]
    assert "numpy" not in images["tf"]["unknown"]


def test_without_the_file_the_remedy_is_named(catalog: Path, capsys: Captured) -> None:
    (catalog / ADVISORIES_FILE).unlink()
    assert run_cli("images", "advisories", "--catalog", str(catalog)) == 2
    assert "fetch it with 'keras-matrix images advisories --refresh'" in capsys.readouterr().err


def test_a_refresh_writes_the_catalogs_file(catalog: Path, api: str, capsys: Captured) -> None:
    for lock in catalog.glob("*/requirements*.txt"):
        lock.write_text("some_package==0.9 --hash=sha256:00\n")
    arguments = ("images", "advisories", "tf", "--refresh", "--from", api, "--catalog")
    assert run_cli(*arguments, str(catalog)) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  some-package 0.9: 2, all fixed in 1.0"]
    assert load(catalog).packages == ("some-package",)
