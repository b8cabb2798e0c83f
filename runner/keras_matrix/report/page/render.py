"""A page as one HTML file that needs no other file."""

from importlib import resources

import jinja2

from keras_matrix.report.page.blocks import Page
from keras_matrix.text import printable

TEMPLATE_FOLDER = "templates"
PAGE_TEMPLATE = "page.html.j2"
STYLE_SHEET = "page.css"


def render(page: Page) -> str:
    """Return the page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_matrix.report.page", TEMPLATE_FOLDER),
        # Always, whatever a template's name ends in: any text may come from outside.
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    path = resources.files("keras_matrix.report.page").joinpath(TEMPLATE_FOLDER, STYLE_SHEET)
    style = path.read_text(encoding="utf-8")
    return environment.get_template(PAGE_TEMPLATE).render(page=page, style=style)


def _printable(value: object) -> object:
    """Remove control sequences from a text; return markup made by this program as it is."""
    # Markup is a subclass of str.
    return printable(value) if type(value) is str else value
