"""How results become Markdown: templates, and the filters that format their values."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.results import intervals, summaries
from stages.results.reading import Results

import jinja2
import pandas as pd
from tabulate import tabulate

TEMPLATES = Path(__file__).with_name("templates")


def render(template: Path, **values: object) -> str:
    """Render a template, which may include the report's; the functions below are filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, TEMPLATES]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (columns, counted, difference, percent, table, runs_table, recipes_table)
    environment.filters.update({function.__name__: function for function in filters})
    environment.globals.update(intervals=intervals, summaries=summaries)
    return environment.get_template(template.name).render(values)


def counted(number: int, noun: str) -> str:
    """Format a number of things, such as "1 epoch" or "3 epochs"."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def difference(value: float) -> str:
    """Format a difference that should be zero, as `write_numbers` writes it."""
    return f"{value:.2g}" if value else "at most 5e-13"


def join_lines(text: str) -> str:
    """Make each paragraph of a Markdown text one line, so that no formula is broken."""
    parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.DOTALL | re.MULTILINE)
    parts[::2] = [re.sub(r"(?<=[^|\n])\n *(?=[^-|#!\s])(?!\d+\. )", " ", p) for p in parts[::2]]
    return "".join(parts)


def percent(fraction: float) -> str:
    """Format a fraction from 0 to 1 in per cent."""
    return f"{100 * fraction:.2f} %"


def table(rows: Iterable[Iterable[object]], *headers: str) -> str:
    """Format a Markdown table whose columns are aligned in plain text too."""
    text: str = tabulate(list(rows), headers, tablefmt="github", disable_numparse=True)
    return text


def columns(rows: pd.DataFrame, **formats: str) -> Iterator[list[str]]:
    """Choose columns of a table, each with the format of its values; a missing one stays empty.

    A format may name other columns too.
    """
    for row in rows.to_dict("records"):
        cells = {name: form.format(row[name], **row) for name, form in formats.items()}
        yield ["" if pd.isna(row[name]) else cell for name, cell in cells.items()]


def runs_table(results: Iterable[Results]) -> str:
    """Format the metrics of runs: one row per run."""
    rows = []
    for each in results:
        last, validation = each.history.iloc[-1], each.metrics.get("validation_accuracy")
        test = percent(each.metrics["test_accuracy"]), f"{each.metrics['test_loss']:.4g}"
        train = percent(last["train_accuracy"]), f"{last['train_loss']:.4g}"
        best = f"{summaries.best_epoch(each.history)} of {each.recipe.epochs}"
        held_out = "" if validation is None else percent(validation)
        hindsight = " (hindsight)" if validation is None else ""
        run = each.run.network, each.run.recipe, f"{each.model.parameters:,}"
        rows.append((*run, *test, held_out, *train, best + hindsight))
    return table(
        rows, "network", "recipe", "parameters", "test accuracy", "test loss",
        "validation accuracy", "training accuracy", "training loss", "best epoch",
    )  # fmt: skip


def recipes_table(results: Iterable[Results]) -> str:
    """Format the hyperparameters in which a network's recipes differ: one column per recipe."""
    recipes = {each.run.recipe: each.recipe.model_dump() for each in results}
    rows = pd.DataFrame(recipes, dtype=object)
    differing = rows[rows.astype(str).nunique(axis=1) > 1]
    return table(differing.itertuples(name=None), "hyperparameter", *recipes)
