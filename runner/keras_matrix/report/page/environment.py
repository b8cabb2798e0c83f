"""What the images' cells ran on, and in what that differs from image to image. Pure."""

from collections.abc import Mapping, Sequence

from keras_matrix.records.events import AppliedLimits, Environment
from keras_matrix.records.record import Manifest, Record
from keras_matrix.report.page.blocks import Block, DataTable, Datum, Fold, Paragraph, Section
from keras_matrix.text import brief

MOST_ROWS = 500
NONE = "-"

Facts = Mapping[str, str]
"""What an image has under each name; of several cells' values all of them."""


def section(name: str, manifest: Manifest, records: Sequence[Record]) -> Section | None:
    """Return the images' identities and what differs; None if no cell told what it ran on."""
    seen: dict[str, list[Environment]] = {}
    for record in records:
        found = record.observation.environment
        if found is not None and found not in seen.setdefault(record.cell.image, []):
            seen[record.cell.image].append(found)
    images = [image for image in manifest.plan.images if seen.get(image)]
    blocks: list[Block] = []
    if manifest.images:
        blocks.append(_identities(manifest))
    if images:
        blocks += _differences({image: seen[image] for image in images})
    if manifest.hosts:
        blocks.append(_hosts(manifest))
    return Section(f"{name}-environment", "Environment", tuple(blocks)) if blocks else None


def _identities(manifest: Manifest) -> DataTable:
    known = [manifest.images[image] for image in manifest.plan.images if image in manifest.images]
    rows = {
        "digest": [image.id for image in known],
        "key of its sources": [image.key for image in known],
        "base": [image.base.value for image in known],
        "digest of its base": [image.base_digest for image in known],
    }
    return DataTable(
        caption="The images",
        header=("image", *(image.name for image in known)),
        rows=tuple(_row(name, values) for name, values in rows.items()),
    )


def _differences(seen: Mapping[str, Sequence[Environment]]) -> list[Block]:
    images = list(seen)
    system = {image: _merged([_system(one) for one in found]) for image, found in seen.items()}
    packages = {image: _merged([one.packages for one in found]) for image, found in seen.items()}
    variables = {image: _merged([one.variables for one in found]) for image, found in seen.items()}
    config = {
        image: _merged([one.backend_config for one in found]) for image, found in seen.items()
    }
    blocks: list[Block] = []
    if len(images) > 1:
        apart = [
            *_apart(system),
            *((f"package {name}", found) for name, found in _apart(packages) if NONE not in found),
            *((f"variable {name}", found) for name, found in _apart(variables)),
        ]
        if apart:
            blocks.append(_table("What differs between the images", images, apart))
        else:
            text = "System, variables and the packages that all images have are the same."
            blocks.append(Paragraph(text))
        single = [(name, found) for name, found in _apart(packages) if NONE in found]
        if single:
            blocks.append(_fold("Packages that only some images have", images, single))
    blocks += [
        _fold(title, images, _all(facts))
        for title, facts in (
            ("All packages", packages),
            ("All variables", variables),
            ("The backend's configuration", config),
            ("System", system),
        )
        if any(facts.values())
    ]
    return blocks


def _fold(title: str, images: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> Fold:
    return Fold(f"{title} ({len(rows)})", (_table(title, images, rows),))


def _table(caption: str, images: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> DataTable:
    more = len(rows) - MOST_ROWS
    return DataTable(
        caption=caption,
        header=("name", *images),
        rows=tuple(_row(name, values) for name, values in rows[:MOST_ROWS]),
        note=f"and {more} more, in the records." if more > 0 else "",
    )


def _row(name: str, values: Sequence[str]) -> tuple[Datum, ...]:
    return (Datum(brief(name)), *(Datum(brief(value), code=value != NONE) for value in values))


def _all(facts: Mapping[str, Facts]) -> list[tuple[str, list[str]]]:
    names = sorted({name for found in facts.values() for name in found}, key=str.lower)
    return [(name, [found.get(name, NONE) for found in facts.values()]) for name in names]


def _apart(facts: Mapping[str, Facts]) -> list[tuple[str, list[str]]]:
    return [(name, values) for name, values in _all(facts) if len(set(values)) > 1]


def _merged(found: Sequence[Facts]) -> Facts:
    """Return the values of all cells of an image; several under one name are all told."""
    values: dict[str, dict[str, None]] = {}
    for facts in found:
        for name, value in facts.items():
            values.setdefault(name, {})[value] = None
    return {name: "; ".join(several) for name, several in values.items()}


def _system(seen: Environment) -> Facts:
    return {
        "Python": seen.python,
        "platform": seen.platform,
        "processor": seen.cpu_model,
        "processors": str(seen.cpu_count),
        "Keras": seen.keras,
        "backend": seen.backend,
        "floatx": seen.floatx,
        "epsilon": f"{seen.epsilon:g}",
        "image_data_format": seen.image_data_format,
        "user id": str(seen.uid),
        **_limits(seen.limits),
    }


def _limits(limits: AppliedLimits) -> Facts:
    told = {}
    if limits.memory is not None:
        told["memory limit"] = f"{float(limits.memory) / 2**20:.0f} MiB"
    if limits.pids is not None:
        told["process limit"] = f"{float(limits.pids):g}"
    if limits.cpus is not None:
        told["CPU limit"] = f"{float(limits.cpus):g}"
    return told


def _hosts(manifest: Manifest) -> Fold:
    rows = tuple(
        (
            Datum(brief(host.platform)),
            Datum(host.python, code=True),
            Datum(str(host.cpus), numeric=True),
            Datum(f"{host.memory / 2**30:.1f}", numeric=True),
            Datum(host.engine),
        )
        for host in manifest.hosts
    )
    header = ("platform", "Python", "CPUs", "memory, GiB", "engine")
    return Fold(f"Hosts ({len(rows)})", (DataTable("The machines it was run on", header, rows),))
