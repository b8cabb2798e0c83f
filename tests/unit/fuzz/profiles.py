"""How much the tests that try many values try: little, and the same each time, unless asked.

``HYPOTHESIS_PROFILE=long pytest tests/unit -k fuzz`` tries other values, for half an hour.
"""

import os

from hypothesis import HealthCheck, Phase, settings

USUAL, LONG = "usual", "long"
VARIABLE = "HYPOTHESIS_PROFILE"


def load() -> None:
    """Make the profiles known, and choose one."""
    common = settings(
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=(
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ),
    )
    settings.register_profile(USUAL, common, derandomize=True, max_examples=25)
    settings.register_profile(LONG, common, derandomize=False, max_examples=3000, print_blob=True)
    settings.load_profile(LONG if os.environ.get(VARIABLE) == LONG else USUAL)
