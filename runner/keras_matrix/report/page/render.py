"""Turn a page into one HTML file that needs nothing else."""

from importlib import resources

import jinja2

from keras_matrix.report.page.blocks import Page
from keras_matrix.text import printable

TEMPLATES = "templates"
PAGE = "page.html.j2"
STYLE = "page.css"


def render(page: Page) -> str:
    """Return the page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_matrix.report.page", TEMPLATES),
        # Not by the names of templates: everything comes from outside.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = resources.files("keras_matrix.report.page").joinpath(TEMPLATES, STYLE)
    return environment.get_template(PAGE).render(page=page, style=style.read_text(encoding="utf-8"))


def _shown(value: object) -> object:
    """Return what an expression gives without control sequences; markup of our own as it is."""
    return printable(value) if type(value) is str else value
