"""Make docs/images/report-light.png and report-dark.png from run folders.

    python docs/make_screenshots.py results/my-run [results/my-trace ...]

Needs what the browser's tests need: the dependency group ``browser`` and a Chromium, which
``KERAS_MATRIX_CHROMIUM`` may name.
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

IMAGES = Path(__file__).parent / "images"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NAMES = ("chromium", "chromium-browser", "google-chrome")


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--width", default=1200, show_default=True, help="Width of the page, in pixels.")
@click.option("--height", default=1500, show_default=True, help="Where the picture ends, at most.")
@click.option("--output", type=click.Path(path_type=Path), default=IMAGES, help="Folder.")
def main(runs: tuple[Path, ...], width: int, height: int, output: Path) -> None:
    """Write a picture of the report of RUNS in each colour scheme."""
    named = os.environ.get("KERAS_MATRIX_CHROMIUM")
    program = named or next(filter(None, map(shutil.which, NAMES)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        with contextlib.redirect_stdout(io.StringIO()):
            code = invoke(cli, ["report", *map(str, runs), "--output", str(page)])
        if code:
            raise SystemExit(code)
        # Without a program Playwright takes its own.
        browser = playwright.chromium.launch(executable_path=program)
        output.mkdir(parents=True, exist_ok=True)
        for scheme in SCHEMES:
            path = output / f"report-{scheme}.png"
            _shoot(browser, page, scheme, (width, height), path)
            click.echo(path)
        browser.close()


def _shoot(browser: Browser, page: Path, scheme: Scheme, size: tuple[int, int], path: Path) -> None:
    """Write what of a page comes first; it ends between two of its parts."""
    width, height = size
    opened = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    opened.goto(page.as_uri())
    ends = opened.evaluate(
        "[...document.querySelectorAll('main section, .card, figure')]"
        ".map(one => Math.ceil(one.getBoundingClientRect().bottom) + 16)"
    )
    last = max((end for end in ends if end <= height), default=height)
    opened.screenshot(path=path, clip={"x": 0, "y": 0, "width": width, "height": last})
    opened.close()


if __name__ == "__main__":
    main()
