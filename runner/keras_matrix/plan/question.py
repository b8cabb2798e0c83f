"""What is asked of a metric on two sides. Pure."""

from enum import Enum


class Question(Enum):
    """What is asked of a metric on two sides.

    ``COMPUTATION``: do both compute the same, seed by seed? Nothing is random then but rounding.
    ``DISTRIBUTION``: do both behave the same over all seeds, while each draws numbers of its own?
    """

    COMPUTATION = "computation"
    DISTRIBUTION = "distribution"
