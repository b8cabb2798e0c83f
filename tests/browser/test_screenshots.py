"""The script that makes the pictures of the documentation."""

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import ROOT
from tests.browsers import CHROMIUM_VARIABLE, chromium
from tests.unit.report.page import builders as page_builders
from tests.unit.report.page.builders import good

SCRIPT = ROOT / "docs" / "make_screenshots.py"


def test_a_picture_is_made_in_each_scheme(tmp_path: Path) -> None:
    page_builders.folder(tmp_path / "run", [good("tf"), good("theano")])
    with sync_playwright() as playwright:
        program = chromium(playwright)
    output = tmp_path / "images"
    process = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "run", "--output", output],
        env={**os.environ, CHROMIUM_VARIABLE: program},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (process.returncode, process.stderr) == (0, "")
    paths = [output / "report-light.png", output / "report-dark.png"]
    assert process.stdout.split() == [str(path) for path in paths]
    light, dark = (path.read_bytes() for path in paths)
    assert light != dark
    for content in (light, dark):
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20], "big") == 1200
        assert 400 < int.from_bytes(content[20:24], "big") <= 1500
    assert [file.name for file in sorted(output.iterdir())] == [
        "report-dark.png",
        "report-light.png",
    ]
