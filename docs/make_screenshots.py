"""Make docs/images/report-light.png and report-dark.png from run folders.

    python docs/make_screenshots.py results/my-run [results/my-trace ...]

Needs the dependency group ``browser`` and a Chromium, as the tests of the page do. The environment
variable ``KERAS_MATRIX_CHROMIUM`` may name the Chromium.
"""

import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import click
from playwright.sync_api import Browser, sync_playwright

from keras_matrix.cli import invoke
from keras_matrix.cli.root import cli

IMAGE_FOLDER = Path(__file__).parent / "images"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
MARGIN = 16
"""Pixels between the last part of the page that fits and the picture's lower edge."""


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--width", default=1200, show_default=True, help="Width of the page, in pixels.")
@click.option(
    "--height", default=1500, show_default=True, help="Largest height of a picture, in pixels."
)
@click.option(
    "--output", type=click.Path(path_type=Path), default=IMAGE_FOLDER, help="Folder to write to."
)
def main(runs: tuple[Path, ...], width: int, height: int, output: Path) -> None:
    """Write a picture of the report of RUNS in each colour scheme."""
    named = os.environ.get("KERAS_MATRIX_CHROMIUM")
    names = (named,) if named else CHROMIUM_NAMES
    # With None Playwright starts its own Chromium.
    program = next(filter(None, map(shutil.which, names)), named)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        with contextlib.redirect_stdout(io.StringIO()):
            exit_code = invoke(cli, ["report", *map(str, runs), "--output", str(page)])
        if exit_code:
            raise SystemExit(exit_code)
        browser = playwright.chromium.launch(executable_path=program)
        output.mkdir(parents=True, exist_ok=True)
        for scheme in SCHEMES:
            path = output / f"report-{scheme}.png"
            _take_picture(browser, page, scheme, (width, height), path)
            click.echo(path)
        browser.close()


def _take_picture(
    browser: Browser, page: Path, scheme: Scheme, size: tuple[int, int], path: Path
) -> None:
    """Write a picture of the top of a page; it ends between two parts of the page."""
    width, height = size
    tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab.goto(page.as_uri())
    bottoms = tab.evaluate(
        "[...document.querySelectorAll('main section, .card, figure')]"
        ".map(part => Math.ceil(part.getBoundingClientRect().bottom))"
    )
    fitting = [bottom + MARGIN for bottom in bottoms if bottom + MARGIN <= height]
    clip_height = max(fitting, default=height)
    tab.screenshot(path=path, clip={"x": 0, "y": 0, "width": width, "height": clip_height})
    tab.close()


if __name__ == "__main__":
    main()
