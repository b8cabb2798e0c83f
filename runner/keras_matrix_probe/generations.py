"""Generations of Keras, chosen by the first number of Keras's version.

What is known of a generation lies in a package of its own, such as ``keras2/``, behind the methods
of :class:`.keras2.generation.Keras2`; nothing else in the probe depends on the generation. To add
one, write such a package with a class of the same methods, and add the class to the table.
"""

from typing import Any, Dict, Type

from .events import EventStream
from .keras2.generation import Keras2
from .keras3.generation import Keras3

GENERATIONS: Dict[str, Type[Keras2]] = {"2": Keras2, "3": Keras3}
"""First number of a version to what is known of that generation."""
FALLBACK = Keras2
"""For other generations: records what works there as it does under Keras 2, and no more."""


def of(keras: Any, stream: EventStream) -> Keras2:
    """Return what the probe does under the Keras that was imported."""
    number = str(keras.__version__).partition(".")[0]
    return GENERATIONS.get(number, FALLBACK)(keras, stream)
