"""Advisories of PyPI's packages from OSV: from its API, or from a folder of its records.

The format of the records is that of https://ossf.github.io/osv-schema/.
"""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.images.advisories import SCHEMA, Advisories, Advisory, Range
from keras_matrix.images.verify import normal

API = "https://api.osv.dev"
ECOSYSTEM = "PyPI"
REQUEST_TIMEOUT = 60.0
"""Seconds that a request may take."""
MAX_RESPONSE_BYTES = 256 * 2**20
"""Bytes of a response that are read."""
PREFERRED_IDS = ("PYSEC-", "GHSA-", "CVE-")
"""Beginnings of identifiers; of several records of one vulnerability the first one is used."""


class _Package(msgspec.Struct, frozen=True):
    name: str = ""
    ecosystem: str = ""


class _Ranges(msgspec.Struct, frozen=True):
    type: str = ""
    events: tuple[dict[str, str], ...] = ()


class _Affected(msgspec.Struct, frozen=True):
    package: _Package = _Package()
    ranges: tuple[_Ranges, ...] = ()
    versions: tuple[str, ...] = ()


class _DatabaseSpecific(msgspec.Struct, frozen=True):
    severity: str | None = None


class OsvRecord(msgspec.Struct, frozen=True):
    """A record of OSV: the fields that are used here."""

    id: str
    modified: str = ""
    withdrawn: str | None = None
    aliases: tuple[str, ...] = ()
    affected: tuple[_Affected, ...] = ()
    database_specific: _DatabaseSpecific = _DatabaseSpecific()


class _Response(msgspec.Struct, frozen=True):
    vulns: tuple[OsvRecord, ...] = ()
    next_page_token: str = ""


def refresh(packages: Sequence[str], source: str) -> Advisories:
    """Return all advisories of some packages; ``source`` is an API's address, or a folder.

    Raises:
        ConfigurationError: the source cannot be read.
    """
    try:
        if urllib.parse.urlsplit(source).scheme in ("http", "https"):
            entries = [entry for name in packages for entry in _query(source, name)]
            return gather(packages, entries, source, _today())
        entries = list(_read(Path(source)))
        if not entries:
            raise ConfigurationError(f"{source} holds no *.json of OSV; unpack its PyPI/all.zip.")
        newest = max(entry.modified for entry in entries)[:10]
        databases = sorted({entry.id.partition("-")[0] for entry in entries})
        return gather(packages, entries, f"OSV records: {', '.join(databases)}", newest)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"The advisories cannot be read from {source} ({error}); name another API or a folder "
            "of OSV's records with --from."
        ) from error


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def _query(api: str, name: str) -> Iterator[OsvRecord]:
    token = ""
    while True:
        query = {"package": {"name": name, "ecosystem": ECOSYSTEM}}
        body = json.dumps(query | ({"page_token": token} if token else {})).encode()
        request = urllib.request.Request(  # noqa: S310 # refresh() lets http through, no file
            f"{api.rstrip('/')}/v1/query", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as stream:  # noqa: S310
            response = msgspec.json.decode(stream.read(MAX_RESPONSE_BYTES), type=_Response)
        yield from response.vulns
        token = response.next_page_token
        if not token:
            return


def _read(folder: Path) -> Iterator[OsvRecord]:
    for path in sorted(folder.rglob("*.json")):
        yield msgspec.json.decode(path.read_bytes(), type=OsvRecord)


def gather(
    packages: Iterable[str], entries: Iterable[OsvRecord], source: str, as_of: str
) -> Advisories:
    """Turn records into advisories: one for each vulnerability, however many databases list it."""
    names = sorted({normal(name) for name in packages})
    valid = {entry.id: entry for entry in entries if entry.withdrawn is None}
    advisories: list[Advisory] = []
    done: set[str] = set()
    for entry in sorted(valid.values(), key=_rank):
        identifiers = {entry.id, *entry.aliases}
        if identifiers & done:
            continue
        done |= identifiers
        same = [other for other in valid.values() if identifiers & {other.id, *other.aliases}]
        severities = (other.database_specific.severity or "" for other in same)
        severity = next(filter(None, severities), "").lower()
        for package in names:
            ranges = tuple(_ranges(entry, package))
            if ranges:
                advisories.append(
                    Advisory(entry.id, package, ranges, tuple(sorted(entry.aliases)), severity)
                )
    advisories.sort(key=lambda advisory: (advisory.package, advisory.id))
    return Advisories(SCHEMA, source, as_of, tuple(names), tuple(advisories))


def _rank(entry: OsvRecord) -> tuple[int, str]:
    ranks = (place for place, start in enumerate(PREFERRED_IDS) if entry.id.startswith(start))
    return next(ranks, len(PREFERRED_IDS)), entry.id


def _ranges(entry: OsvRecord, package: str) -> Iterator[Range]:
    for affected in entry.affected:
        listed = affected.package
        if listed.ecosystem != ECOSYSTEM or normal(listed.name) != package:
            continue
        events = [ranges.events for ranges in affected.ranges if ranges.type == "ECOSYSTEM"]
        if not events:
            yield from (Range(version, last_affected=version) for version in affected.versions)
        for group in events:
            yield from _spans(group)


def _spans(events: Sequence[dict[str, str]]) -> Iterator[Range]:
    """Yield the ranges between events in their order: one opens a range, the next closes it."""
    opened: str | None = None
    for event in events:
        if "introduced" in event:
            if opened is not None:
                yield Range(opened)
            opened = event["introduced"]
        elif opened is not None:
            yield Range(opened, event.get("fixed"), event.get("last_affected"))
            opened = None
    if opened is not None:
        yield Range(opened)
