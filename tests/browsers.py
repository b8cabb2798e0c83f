"""Find a Chromium and open pages in it. Holds no tests."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

VARIABLE = "KERAS_MATRIX_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
REMEDY = (
    "there is no Chromium to open pages in: install it (apt-get install chromium, or "
    f"playwright install --with-deps chromium), or name one with {VARIABLE}"
)


def chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium; without one skip the test, or fail it where CI is set."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        if shutil.which(named) is None:
            pytest.fail(f"{VARIABLE} names {named}, which is no program", pytrace=False)
        return named
    own = playwright.chromium.executable_path
    found = next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(REMEDY, pytrace=False)
    # CI has a browser, and fails without; on a desk it is nobody's duty to have one.
    pytest.skip(REMEDY)
