"""Find a Chromium to open pages with. Holds no tests."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

CHROMIUM_VARIABLE = "KERAS_MATRIX_CHROMIUM"
"""Environment variable that names the program."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
REMEDY = (
    "there is no Chromium to open pages with: install one (apt-get install chromium, or "
    f"playwright install --with-deps chromium), or name one with {CHROMIUM_VARIABLE}"
)


def chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium; without one fail the test in CI, or else skip it."""
    named = os.environ.get(CHROMIUM_VARIABLE)
    if named is not None:
        program = shutil.which(named)
        if program is None:
            pytest.fail(f"{CHROMIUM_VARIABLE} names {named}, which is not a program", pytrace=False)
        return program
    installed = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if installed is not None:
        return installed
    if Path(playwright.chromium.executable_path).exists():
        return playwright.chromium.executable_path
    if os.environ.get("CI"):
        pytest.fail(REMEDY, pytrace=False)
    # CI installs a browser; a contributor does not have to.
    pytest.skip(REMEDY)
