"""The labels of built images: what the catalog says of an image, and what it was built from."""

import keras_matrix
from keras_matrix.load.catalog import Image

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
        # The distributions of all backends are called as the backends are.
        "io.keras-matrix.backend-version": image.expect.get(image.backend, ""),
    }
    return {name: value for name, value in labels.items() if value}


def source_labels(revision: str, base_name: str, base_digest: str) -> dict[str, str]:
    """Return the labels that say which version of what an image was built from."""
    return {
        f"{_OCI}.version": keras_matrix.__version__,
        f"{_OCI}.revision": revision,
        f"{_OCI}.base.name": base_name,
        f"{_OCI}.base.digest": base_digest,
    }
