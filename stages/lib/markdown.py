"""How results become Markdown."""

import textwrap
from collections.abc import Iterable
from pathlib import Path

import jinja2
from tabulate import tabulate


def render(template: Path, **values: object) -> str:
    """Fill in a template. The functions of this module are its filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (difference, fill, percent, probability, table)
    environment.filters.update({function.__name__: function for function in filters})
    return environment.get_template(template.name).render(values)


def difference(value: float) -> str:
    """A difference that should be zero, in two digits; metrics are rounded to twelve decimals."""
    return f"{value:.2g}" if value else "below 1e-12"


def fill(paragraph: str) -> str:
    """A paragraph in lines of even length, whatever was put into it."""
    return textwrap.fill(" ".join(paragraph.split()), width=98, break_on_hyphens=False) + "\n"


def percent(share: float) -> str:
    """A share from 0 to 1, in per cent."""
    return f"{100 * share:.2f} %"


def probability(share: float) -> str:
    """A probability from a softmax, in per cent: it is never 0 nor 1 but by rounding."""
    if share < 0.00005:
        return "< 0.01 %"
    if share >= 0.99995:
        return "> 99.99 %"
    return percent(share)


def table(rows: Iterable[Iterable[object]], *headers: str) -> str:
    """A Markdown table whose columns are aligned in plain text too."""
    return tabulate(list(rows), headers, tablefmt="github", disable_numparse=True)
