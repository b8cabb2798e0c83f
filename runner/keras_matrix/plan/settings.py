"""The settings of keras.json. Pure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keras_matrix.errors import ConfigurationError


class Floatx(Enum):
    """The field ``floatx`` of keras.json: the default type of tensors."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


class ImageDataFormat(Enum):
    """The field ``image_data_format`` of keras.json: the place of the channel axis of images."""

    CHANNELS_LAST = "channels_last"
    CHANNELS_FIRST = "channels_first"


@dataclass(frozen=True)
class KerasSettings:
    """The fields of keras.json other than ``backend``; defaults are Keras 2.3.1's own."""

    floatx: Floatx = Floatx.FLOAT32
    image_data_format: ImageDataFormat = ImageDataFormat.CHANNELS_LAST
    epsilon: float = 1e-7

    @property
    def id(self) -> str:
        """The values that differ from Keras's defaults, as a name that is safe in a file name."""
        default = KerasSettings()
        parts = []
        if self.floatx is not default.floatx:
            parts.append(self.floatx.value)
        if self.image_data_format is not default.image_data_format:
            parts.append(self.image_data_format.value)
        if self.epsilon != default.epsilon:
            parts.append(f"eps{self.epsilon!r}")
        return ".".join(parts) or "default"

    def keras_json(self, backend: str) -> dict[str, str | float]:
        """Return the content of keras.json for a backend."""
        return {
            "backend": backend,
            "epsilon": self.epsilon,
            "floatx": self.floatx.value,
            "image_data_format": self.image_data_format.value,
        }


def cross_settings(
    floatx: Sequence[Floatx], formats: Sequence[ImageDataFormat], epsilons: Sequence[float]
) -> tuple[KerasSettings, ...]:
    """Return the settings for each combination of the values of keras.json's fields.

    Raises:
        ConfigurationError: an epsilon is not a positive number, or a value is given twice.
    """
    for epsilon in epsilons:
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise ConfigurationError(
                f"--epsilon {epsilon} is not a positive number; use one such as 1e-7."
            )
    settings = tuple(
        KerasSettings(floatx=kind, image_data_format=layout, epsilon=epsilon)
        for kind, layout, epsilon in itertools.product(floatx, formats, epsilons)
    )
    if len(set(settings)) != len(settings):
        raise ConfigurationError("A value of keras.json is given twice; give each once.")
    return settings
