"""Known advisories of the packages that the locks pin. Pure but for reading files."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.version import InvalidVersion, Version

from keras_matrix.errors import ConfigurationError

ADVISORIES_FILE = "advisories.json"
SCHEMA = 1
ADVISORY_PAGE = "https://osv.dev/vulnerability/"
REMEDY = "write it again with 'keras-matrix images advisories --refresh'"


class Range(msgspec.Struct, frozen=True, omit_defaults=True):
    """Affected versions: from ``introduced`` to before ``fixed``, or through ``last_affected``."""

    introduced: str = "0"
    fixed: str | None = None
    last_affected: str | None = None


class Advisory(msgspec.Struct, frozen=True, omit_defaults=True):
    """An advisory of a package; ``severity`` is GitHub's word for it, or empty."""

    id: str
    package: str
    ranges: tuple[Range, ...]
    aliases: tuple[str, ...] = ()
    severity: str = ""


class Advisories(msgspec.Struct, frozen=True):
    """The known advisories of ``packages``, with their source and date."""

    schema: int
    source: str
    as_of: str
    packages: tuple[str, ...]
    advisories: tuple[Advisory, ...]


@dataclass(frozen=True)
class Hit:
    """An advisory that affects a pinned version; ``mended`` is the first version without it."""

    advisory: Advisory
    version: str
    mended: str | None

    @property
    def url(self) -> str:
        """The page of the advisory."""
        return ADVISORY_PAGE + self.advisory.id


@dataclass(frozen=True)
class Checked:
    """A lock compared with the advisories; no database was queried for ``unknown`` packages."""

    hits: tuple[Hit, ...]
    unknown: tuple[str, ...]


def load(folder: Path) -> Advisories:
    """Read the advisories of a catalog.

    Raises:
        ConfigurationError: the file is missing, damaged or of another schema.
    """
    path = folder / ADVISORIES_FILE
    try:
        advisories = msgspec.json.decode(path.read_bytes(), type=Advisories)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"There is no {path}, which is not shipped because advisories change; fetch it with "
            "'keras-matrix images advisories --refresh'."
        ) from error
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path} ({error.strerror}); {REMEDY}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is damaged ({error}); {REMEDY}.") from error
    if advisories.schema != SCHEMA:
        raise ConfigurationError(f"{path} has schema {advisories.schema}, not {SCHEMA}; {REMEDY}.")
    return advisories


def render(advisories: Advisories) -> bytes:
    """Return the content of the file: one line for each advisory, so that its diff is readable."""
    head = {name: getattr(advisories, name) for name in ("schema", "source", "as_of", "packages")}
    lines = b",\n".join(b"  " + msgspec.json.encode(entry) for entry in advisories.advisories)
    opened = msgspec.json.encode(head)[:-1]
    return opened + b',\n"advisories": [\n' + lines + b"\n]}\n"


def check(locked: Mapping[str, str], known: Advisories) -> Checked:
    """Compare pinned versions, by package, with the known advisories."""
    hits = []
    for advisory in known.advisories:
        version = locked.get(advisory.package)
        affected = [span for span in advisory.ranges if version and _affects(span, version)]
        if version and affected:
            hits.append(Hit(advisory, version, _mended(affected)))
    unknown = sorted(locked.keys() - set(known.packages))
    return Checked(tuple(sorted(hits, key=_order)), tuple(unknown))


def _order(hit: Hit) -> tuple[str, str]:
    return hit.advisory.package, hit.advisory.id


def _affects(affected: Range, version: str) -> bool:
    """Tell whether a version is in a range.

    A bound that cannot be compared with the version excludes nothing: an advisory too many is
    better than one too few.
    """
    if affected.introduced != "0" and _at_least(version, affected.introduced) is False:
        return False
    if affected.fixed is not None:
        return _at_least(version, affected.fixed) is not True
    return affected.last_affected is None or (
        _at_least(affected.last_affected, version) is not False
    )


def _at_least(version: str, bound: str) -> bool | None:
    """Tell whether a version is ``bound`` or later; None if either is not a PEP 440 version."""
    if version == bound:
        return True
    try:
        return Version(version) >= Version(bound)
    except InvalidVersion:
        return None


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _mended(affected: list[Range]) -> str | None:
    """Return the version in which all ranges have ended, None if one of them never does."""
    fixes = [span.fixed for span in affected if span.fixed]
    return latest(fixes) if len(fixes) == len(affected) else None


def latest(versions: Iterable[str]) -> str:
    """Return the latest version.

    What is not a PEP 440 version is older than all others, as it was for pip and setuptools
    (``LegacyVersion`` of packaging 21).
    """

    def order(text: str) -> tuple[bool, Version, str]:
        try:
            return True, Version(text), text
        except InvalidVersion:
            return False, Version("0"), text

    return max(versions, key=order)


def summary(checked: Checked) -> Iterator[str]:
    """Yield a line for each package with advisories: its version, their number and their fix."""
    by_package: dict[str, list[Hit]] = {}
    for hit in checked.hits:
        by_package.setdefault(hit.advisory.package, []).append(hit)
    for package, hits in by_package.items():
        mended = [hit.mended for hit in hits if hit.mended is not None]
        # What cannot be ordered says nothing of whether a later version has the fix.
        mended = list(filter(_is_version, mended)) or mended
        text = f"all fixed in {latest(mended)}" if mended else "fixed in no version"
        if mended and len(mended) < len(hits):
            text = f"{len(mended)} of them fixed in {latest(mended)}"
        yield f"{package} {hits[0].version}: {len(hits)}, {text}"
