"""The labels of built images: what the catalog says of an image, and what it was built from."""

import keras_matrix
from keras_matrix.load.catalog import Image
from keras_matrix.plan.backends import BACKENDS

KEY_LABEL = "io.keras-matrix.key"
"""The image's content key."""
BASE_LABEL = "io.keras-matrix.base"
"""The kind of the base: ``hub`` or ``standin``."""
BASE_DIGEST_LABEL = "io.keras-matrix.base-digest"
_OCI = "org.opencontainers.image"
"""The prefix of the names that the OCI image specification defines (annotations.md)."""


def catalog_labels(image: Image) -> dict[str, str]:
    """Return the labels that say what the catalog says; there is none for what it leaves open."""
    labels = {
        f"{_OCI}.title": f"keras-matrix {image.name}",
        f"{_OCI}.description": image.description,
        "io.keras-matrix.python": image.python,
        "io.keras-matrix.keras": image.expect.get("keras", ""),
        "io.keras-matrix.backend": image.backend,
        "io.keras-matrix.backend-version": _backend_version(image),
    }
    return {name: value for name, value in labels.items() if value}


def _backend_version(image: Image) -> str:
    # The distribution of an unknown backend is called as the backend is.
    names = [image.backend]
    names += [
        n for backend in BACKENDS if backend.name == image.backend for n in backend.distributions
    ]
    return next((image.expect[name] for name in names if name in image.expect), "")


def source_labels(revision: str, base_name: str, base_digest: str) -> dict[str, str]:
    """Return the labels that say which version of what an image was built from."""
    return {
        f"{_OCI}.version": keras_matrix.__version__,
        f"{_OCI}.revision": revision,
        f"{_OCI}.base.name": base_name,
        f"{_OCI}.base.digest": base_digest,
    }
