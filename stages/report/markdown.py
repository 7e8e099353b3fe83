"""How results become Markdown."""

import textwrap
from collections.abc import Iterable
from pathlib import Path

import jinja2
from tabulate import tabulate


def render(template: Path, **values: object) -> str:
    """Render a template. The functions of this module are its filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (difference, fill, percent, table)
    environment.filters.update({function.__name__: function for function in filters})
    return environment.get_template(template.name).render(values)


def difference(value: float) -> str:
    """Format a difference that should be zero, as `write_numbers` writes it."""
    return f"{value:.2g}" if value else "at most 5e-13"


def fill(paragraph: str) -> str:
    """Wrap a paragraph into lines of even length."""
    return textwrap.fill(" ".join(paragraph.split()), width=98, break_on_hyphens=False) + "\n"


def percent(fraction: float) -> str:
    """Format a fraction from 0 to 1 in per cent."""
    return f"{100 * fraction:.2f} %"


def table(rows: Iterable[Iterable[object]], *headers: str) -> str:
    """Format a Markdown table whose columns are aligned in plain text too."""
    return tabulate(list(rows), headers, tablefmt="github", disable_numparse=True)
