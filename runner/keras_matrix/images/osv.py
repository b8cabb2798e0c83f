"""Advisories of PyPI's packages as OSV tells them: from its API, or from a folder of its records.

The records are those of https://ossf.github.io/osv-schema/.
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
TIMEOUT = 60.0
MAX_ANSWER = 256 * 2**20
PREFERRED = ("PYSEC-", "GHSA-", "CVE-")
"""Whose record of one and the same hole counts: PyPI's own first."""


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


class _Rated(msgspec.Struct, frozen=True):
    severity: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """A record of OSV, as far as it is needed."""

    id: str
    modified: str = ""
    withdrawn: str | None = None
    aliases: tuple[str, ...] = ()
    affected: tuple[_Affected, ...] = ()
    database_specific: _Rated = _Rated()


class _Answer(msgspec.Struct, frozen=True):
    vulns: tuple[Entry, ...] = ()
    next_page_token: str = ""


def refresh(packages: Sequence[str], source: str) -> Advisories:
    """Return all that is known of some packages; ``source`` is the API's address, or a folder.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        if urllib.parse.urlsplit(source).scheme in ("http", "https"):
            entries = [entry for name in packages for entry in _asked(source, name)]
            return gather(packages, entries, source, _today())
        entries = list(_read(Path(source)))
        if not entries:
            raise ConfigurationError(f"{source} holds no *.json of OSV; unpack its PyPI/all.zip.")
        newest = max(entry.modified for entry in entries)[:10]
        databases = sorted({entry.id.partition("-")[0] for entry in entries})
        return gather(packages, entries, f"OSV records: {', '.join(databases)}", newest)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"The advisories cannot be had from {source} ({error}); name another API or a folder "
            "of OSV's records with --from."
        ) from error


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def _asked(api: str, name: str) -> Iterator[Entry]:
    token = ""
    while True:
        asked = {"package": {"name": name, "ecosystem": ECOSYSTEM}}
        body = json.dumps(asked | ({"page_token": token} if token else {})).encode()
        request = urllib.request.Request(  # noqa: S310 # refresh() lets http through, no file
            f"{api.rstrip('/')}/v1/query", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:  # noqa: S310
            answer = msgspec.json.decode(reply.read(MAX_ANSWER), type=_Answer)
        yield from answer.vulns
        token = answer.next_page_token
        if not token:
            return


def _read(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*.json")):
        yield msgspec.json.decode(path.read_bytes(), type=Entry)


def gather(
    packages: Iterable[str], entries: Iterable[Entry], source: str, as_of: str
) -> Advisories:
    """Turn records into advisories: one a hole, however many databases tell of it."""
    wanted = sorted({normal(name) for name in packages})
    found: dict[str, Entry] = {entry.id: entry for entry in entries if entry.withdrawn is None}
    told: list[Advisory] = []
    done: set[str] = set()
    for entry in sorted(found.values(), key=_rank):
        names = {entry.id, *entry.aliases}
        if names & done:
            continue
        done |= names
        same = [other for other in found.values() if names & {other.id, *other.aliases}]
        rated = (other.database_specific.severity or "" for other in same)
        severity = next(filter(None, rated), "").lower()
        for package in wanted:
            ranges = tuple(_ranges(entry, package))
            if ranges:
                told.append(
                    Advisory(entry.id, package, ranges, tuple(sorted(entry.aliases)), severity)
                )
    told.sort(key=lambda one: (one.package, one.id))
    return Advisories(SCHEMA, source, as_of, tuple(wanted), tuple(told))


def _rank(entry: Entry) -> tuple[int, str]:
    ranks = (place for place, start in enumerate(PREFERRED) if entry.id.startswith(start))
    return next(ranks, len(PREFERRED)), entry.id


def _ranges(entry: Entry, package: str) -> Iterator[Range]:
    for one in entry.affected:
        if one.package.ecosystem != ECOSYSTEM or normal(one.package.name) != package:
            continue
        events = [ranges.events for ranges in one.ranges if ranges.type == "ECOSYSTEM"]
        if not events:
            yield from (Range(version, last_affected=version) for version in one.versions)
        for group in events:
            yield from _spans(group)


def _spans(events: Sequence[dict[str, str]]) -> Iterator[Range]:
    """Yield the spans between events, which are in order: one opens, the next one closes."""
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
