"""The section on the images and what their cells ran on, with its differences. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from keras_matrix.records.events import AppliedLimits, Environment
from keras_matrix.records.record import Manifest, Record
from keras_matrix.report.page.blocks import (
    Block,
    DataTable,
    Details,
    Paragraph,
    Section,
    TableCell,
    left_out,
)
from keras_matrix.text import brief

MAX_TABLE_ROWS = 500
NO_VALUE = "-"

Properties = Mapping[str, str]
"""An image's value of each property; where its cells differ, all their values."""
PropertyRow = tuple[str, list[str]]
"""The name of a property, and the value on each image."""


def section(prefix: str, manifest: Manifest, records: Sequence[Record]) -> Section | None:
    """Return the section; None where neither the images nor what cells ran on is known."""
    environments: dict[str, list[Environment]] = {}
    for record in records:
        environment = record.observation.environment
        if environment is not None:
            of_image = environments.setdefault(record.cell.image, [])
            if environment not in of_image:
                of_image.append(environment)
    images = [image for image in manifest.plan.images if image in environments]
    blocks: list[Block] = []
    if manifest.images:
        blocks.append(_identities(manifest))
    if images:
        blocks += _environments({image: environments[image] for image in images})
    if manifest.hosts:
        blocks.append(_hosts(manifest))
    return Section(f"{prefix}-environment", "Environment", tuple(blocks)) if blocks else None


def _identities(manifest: Manifest) -> DataTable:
    identities = [
        manifest.images[image] for image in manifest.plan.images if image in manifest.images
    ]
    rows = {
        "digest": [identity.id for identity in identities],
        "key of its sources": [identity.key for identity in identities],
        "base": [identity.base.value for identity in identities],
        "digest of its base": [identity.base_digest for identity in identities],
    }
    return DataTable(
        caption="The images",
        header=("image", *(identity.name for identity in identities)),
        rows=tuple(_table_row(name, values) for name, values in rows.items()),
    )


def _environments(environments: Mapping[str, Sequence[Environment]]) -> list[Block]:
    """Return what differs between the images, then all properties."""
    system = {image: _merged(map(_system, of_image)) for image, of_image in environments.items()}
    packages = {
        image: _merged(environment.packages for environment in of_image)
        for image, of_image in environments.items()
    }
    variables = {
        image: _merged(environment.variables for environment in of_image)
        for image, of_image in environments.items()
    }
    config = {
        image: _merged(environment.backend_config for environment in of_image)
        for image, of_image in environments.items()
    }
    return [
        *(_differences(system, packages, variables) if len(environments) > 1 else ()),
        *(
            _table_in_details(title, properties, _rows(properties))
            for title, properties in (
                ("All packages", packages),
                ("All environment variables", variables),
                ("The backend's configuration", config),
                ("System", system),
            )
            if any(properties.values())
        ),
    ]


def _differences(
    system: Mapping[str, Properties],
    packages: Mapping[str, Properties],
    variables: Mapping[str, Properties],
) -> list[Block]:
    blocks: list[Block] = []
    differing_packages = _differing(packages)
    differing = [
        *_differing(system),
        *((f"package {name}", row) for name, row in differing_packages if NO_VALUE not in row),
        *((f"variable {name}", row) for name, row in _differing(variables)),
    ]
    if differing:
        blocks.append(_table("What differs between the images", system, differing))
    else:
        text = (
            "The system, the environment variables and the packages that all images have are the "
            "same on all images."
        )
        blocks.append(Paragraph(text))
    on_some = [(name, row) for name, row in differing_packages if NO_VALUE in row]
    if on_some:
        title = "Packages that only some images have"
        blocks.append(_table_in_details(title, packages, on_some))
    return blocks


def _table_in_details(
    title: str, images: Mapping[str, Properties], rows: Sequence[PropertyRow]
) -> Details:
    return Details(f"{title} ({len(rows)})", (_table(title, images, rows),))


def _table(
    caption: str, images: Mapping[str, Properties], rows: Sequence[PropertyRow]
) -> DataTable:
    return DataTable(
        caption=caption,
        header=("name", *images),
        rows=tuple(_table_row(name, values) for name, values in rows[:MAX_TABLE_ROWS]),
        note=left_out(len(rows) - MAX_TABLE_ROWS, "row", "in the records"),
    )


def _table_row(name: str, values: Sequence[str]) -> tuple[TableCell, ...]:
    return (
        TableCell(brief(name)),
        *(TableCell(brief(value), code=value != NO_VALUE) for value in values),
    )


def _rows(images: Mapping[str, Properties]) -> list[PropertyRow]:
    """Return a row for each property that any image has, by name."""
    names = sorted({name for properties in images.values() for name in properties}, key=str.lower)
    return [
        (name, [properties.get(name, NO_VALUE) for properties in images.values()]) for name in names
    ]


def _differing(images: Mapping[str, Properties]) -> list[PropertyRow]:
    return [(name, values) for name, values in _rows(images) if len(set(values)) > 1]


def _merged(cells: Iterable[Properties]) -> Properties:
    """Return the properties of all cells of an image; different values of one, joined."""
    values: dict[str, dict[str, None]] = {}
    for properties in cells:
        for name, value in properties.items():
            values.setdefault(name, {})[value] = None
    return {name: "; ".join(different) for name, different in values.items()}


def _system(environment: Environment) -> Properties:
    return {
        "Python": environment.python,
        "platform": environment.platform,
        "processor": environment.cpu_model,
        "processors": str(environment.cpu_count),
        "Keras": environment.keras,
        "backend": environment.backend,
        "floatx": environment.floatx,
        "epsilon": f"{environment.epsilon:g}",
        "image_data_format": environment.image_data_format,
        "user id": str(environment.uid),
        **_limits(environment.limits),
    }


def _limits(limits: AppliedLimits) -> Properties:
    properties = {}
    if limits.memory is not None:
        properties["memory limit"] = f"{float(limits.memory) / 2**20:.0f} MiB"
    if limits.pids is not None:
        properties["process limit"] = f"{float(limits.pids):g}"
    if limits.cpus is not None:
        properties["CPU limit"] = f"{float(limits.cpus):g}"
    return properties


def _hosts(manifest: Manifest) -> Details:
    rows = tuple(
        (
            TableCell(brief(host.platform)),
            TableCell(host.python, code=True),
            TableCell(str(host.cpus), numeric=True),
            TableCell(f"{host.memory / 2**30:.1f}", numeric=True),
            TableCell(host.engine),
        )
        for host in manifest.hosts
    )
    header = ("platform", "Python", "CPUs", "memory, GiB", "engine")
    table = DataTable("The machines that ran the cells", header, rows)
    return Details(f"Hosts ({len(rows)})", (table,))
