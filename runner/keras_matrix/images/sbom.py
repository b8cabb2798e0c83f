"""A software bill of materials of an image, as CycloneDX, made from the contents of the image."""

import importlib.util
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import keras_matrix
from keras_matrix.errors import ConfigurationError
from keras_matrix.images.contents import Contents
from keras_matrix.plan.images import ImageIdentity

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

SERIAL_NUMBERS = uuid.UUID("6d5b6a0c-5f43-5a8e-9f3c-2b6d8f0e4a11")
"""The name space of serial numbers: from an image's digest, so that an image keeps its number."""


def check_installed() -> None:
    """Check that the library is installed.

    Raises:
        ConfigurationError: the library is missing.
    """
    if importlib.util.find_spec("cyclonedx") is None:
        raise ConfigurationError(
            "A bill of materials needs cyclonedx-python-lib; "
            "install it with: pip install 'keras-matrix[sbom]'."
        )


def render(identity: ImageIdentity, inside: Contents, hashes: Mapping[str, tuple[str, ...]]) -> str:
    """Return the bill of materials of an image as JSON of CycloneDX 1.6.

    ``hashes`` are those of the files that the locks allow, by package.

    Raises:
        ConfigurationError: the library is not installed.
    """
    check_installed()
    from cyclonedx.output.json import JsonV1Dot6

    return JsonV1Dot6(_bom(identity, inside, hashes)).output_as_string(indent=1) + "\n"


def _bom(identity: ImageIdentity, inside: Contents, hashes: Mapping[str, tuple[str, ...]]) -> "Bom":
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    bom = Bom(serial_number=uuid.uuid5(SERIAL_NUMBERS, identity.id))
    tool = Component(name="keras-matrix", version=keras_matrix.__version__)
    bom.metadata.tools.components.add(tool)
    image = _image(identity)
    bom.metadata.component = image
    system = Component(
        name=inside.release.get("ID", "linux"),
        version=inside.release.get("VERSION_ID"),
        type=ComponentType.OPERATING_SYSTEM,
        bom_ref="system",
    )
    components = [system, *_python(inside, hashes), *_debian(inside)]
    bom.components.update(components)
    bom.register_dependency(image, components)
    return bom


def _image(identity: ImageIdentity) -> "Component":
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    digest = identity.id.removeprefix("sha256:")
    return Component(
        name=f"keras-matrix/{identity.name}",
        version=identity.key,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        purl=PackageURL("oci", name=identity.name, version=identity.id),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[
            Property(name="keras-matrix:base", value=identity.base.value),
            Property(name="keras-matrix:base-digest", value=identity.base_digest),
        ],
    )


def _python(inside: Contents, hashes: Mapping[str, tuple[str, ...]]) -> Iterator["Component"]:
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    version = inside.installed.python
    yield Component(
        name="python",
        version=version,
        type=ComponentType.PLATFORM,
        bom_ref="python",
        purl=PackageURL("generic", name="python", version=version),
    )
    for name, version in sorted(inside.installed.packages.items()):
        # Nothing in the image says which of the files that the lock allows was installed.
        files = [
            HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes.get(name, ())
        ]
        reference = ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(f"https://pypi.org/project/{name}/{version}/#files"),
            hashes=files,
        )
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            bom_ref=f"pypi:{name}",
            purl=PackageURL("pypi", name=name, version=version),
            external_references=[reference],
        )


def _debian(inside: Contents) -> Iterator["Component"]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    vendor = inside.release.get("ID", "debian")
    distro = f"{vendor}-{inside.release.get('VERSION_ID', '')}".rstrip("-")
    for package in inside.debian:
        qualifiers = {"arch": package.architecture, "distro": distro}
        if package.source != package.name:
            qualifiers["upstream"] = package.source
        yield Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"deb:{package.name}:{package.architecture}",
            purl=PackageURL("deb", vendor, package.name, package.version, qualifiers),
        )
