"""What people read: the report, the pages, and the committed results on the real data."""

import json
import re
from itertools import pairwise
from pathlib import Path

from stages.core.networks import load_recipe, network_names
from stages.core.params import read_yaml
from stages.core.paths import PARAMS, REPORTED, Run
from stages.report import __main__ as report
from stages.results.reading import Results, classes_of, read_predictions
from stages.results.summaries import scores_of

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from markdown_it import MarkdownIt

RUNS = [Run(network, recipe) for network in network_names() for recipe in ("baseline", "improved")]


def test_every_link_leads_somewhere(committed: Project) -> None:
    pages = list(committed.folder.rglob("*.md"))
    assert committed.folder / "reports/report.md" in pages
    for page in pages:
        blocks = MarkdownIt().parse(page.read_text())
        tokens = [child for block in blocks for child in block.children or [block]]
        targets = {str(token.attrs.get("src") or token.attrs.get("href") or "") for token in tokens}
        files = [each for each in targets if not each.startswith(("http", "#"))]
        assert [each for each in files if not (page.parent / each).exists()] == [], page


@pytest.fixture
def text(here: Project) -> str:
    """The report of the project, in which the test runs."""
    return (here.folder / "reports/report.md").read_text()


def test_the_figures_of_the_report_are_numbered(text: str) -> None:
    captions = re.findall(r"^\*Figure (\d+)\. ", text, re.MULTILINE)
    assert captions == [str(number + 1) for number in range(text.count("!["))]


def test_the_reports_tables_are_tables(text: str) -> None:
    html = MarkdownIt().enable("table").render(text)
    assert html.count("<table>") == text.count("\n|-") > 0
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_a_page_shows_what_the_command_next_to_it_prints(committed: Project) -> None:
    text, command = (committed.folder / "docs/experiments.md").read_text(), "dvc metrics show --md"
    assert f"`{command}`" in text
    assert committed.run(*command.split()).stdout.strip() in text


def test_the_claims_are_confirmed(text: str) -> None:
    assert not re.search(r"not confirmed|not certified", text)


def test_the_committed_results_reproduce_what_the_author_reported(committed: Project) -> None:
    text = (committed.folder / "reports/report.md").read_text()
    assert len(re.findall(r"\| reproduced: ", text)) == len(network_names())
    assert "the network overfits" in " ".join(text.split())


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_report_has_the_metrics_of_each_run(text: str, run: Run) -> None:
    metrics, history = json.loads(run.metrics.read_text()), pd.read_csv(run.history)
    last, held_out = history.iloc[-1], metrics.get("validation_accuracy")
    parameters = sum((i + 1) * o for i, o in pairwise(load_recipe(run).sizes))
    cells = [run.network, run.recipe, f"{parameters:,}"]
    cells += [f"{100 * metrics['test_accuracy']:.2f} %", f"{metrics['test_loss']:.4g}"]
    cells += ["" if held_out is None else f"{100 * held_out:.2f} %"]
    cells += [f"{100 * last['train_accuracy']:.2f} %", f"{last['train_loss']:.4g}"]
    cells += [f"{history['test_loss' if held_out is None else 'validation_loss'].idxmin()} of 2"]
    assert re.search(rf"^\| {r' +[|] '.join(cells)} ", text, re.MULTILINE)
    first_epochs = pd.read_csv("reports/first_epochs.csv").set_index("run")
    assert list(first_epochs.loc[run.name, "train_loss"]) == list(history["train_loss"][:2])


def test_recipes_are_told_by_what_differs(text: str) -> None:
    params = read_yaml(PARAMS)
    tables = re.findall(r"^\| hyperparameter .*\n.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    for network, table in zip(network_names(), tables, strict=True):
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()]
        baseline, improved = (params[network][recipe] for recipe in ("baseline", "improved"))
        values = [[name, str(baseline[name]), str(improved[name])] for name in baseline]
        assert sorted(rows) == sorted(row for row in values if row[1] != row[2])


def test_what_the_author_reported_stands_beside_the_same_epoch() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "test_loss": [2, 1], "test_accuracy": [0.25, 0.75]})
    epochs = report.beside_reported(history, [{"epoch": 2, "test_loss": 3, "test_accuracy": 0.5}])
    columns = epochs[["epoch", "test_loss_reported", "test_accuracy", "difference"]]
    assert columns.fillna(-1).to_numpy().tolist() == [[1, -1, 25, -1], [2, 3, 75, 25]]


@pytest.mark.usefixtures("text")
def test_recipes_are_compared_by_their_own_histories_and_errors() -> None:
    theirs = [{"epoch": 0, "test_loss": 3.0, "test_accuracy": 0.1}]
    theirs += [{"epoch": 2, "test_loss": 0.5, "test_accuracy": 0.8}]
    reported = {name: {"history": theirs, "best_epoch": 7} for name in network_names()}
    drawn = report.draw_comparisons(map(Results, RUNS), reported)
    for run in RUNS:
        losses, accuracies = (
            [(list(each.get_xdata()), list(each.get_ydata())) for each in axes.lines]
            for axes in drawn[run.network].axes
        )
        history = pd.read_csv(run.history)
        for split in ("train", "test"):
            assert ([0, 1, 2], list(history[f"{split}_loss"])) in losses
            assert ([0, 1, 2], list(100 * history[f"{split}_accuracy"])) in accuracies
        assert ([2], [0.5]) in losses
        assert ([2], [80]) in accuracies
        assert [7, 7] in [x for x, _ in losses]
        wrong = read_predictions(run).query("label != prediction")
        shown = drawn[f"{run.network}_errors"].axes[8 * (run.recipe == "improved") :][:8]
        assert len([axes for axes in shown if axes.images]) == min(8, len(wrong))


def test_the_report_prints_the_code_that_runs(text: str) -> None:
    printed = "".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert "optimizer.step()" in printed
    code = {line.strip() for path in Path("stages/networks").rglob("*.py")
            for line in path.read_text().splitlines()}  # fmt: skip
    assert {line.strip() for line in printed.splitlines()} <= code


@pytest.mark.usefixtures("project", "undrawn")
def test_the_improved_recipe_is_compared_by_class() -> None:
    generator, scores = np.random.default_rng(1), []
    for recipe in ("baseline", "improved"):
        run = Run("fashion_mlp", recipe)
        table = read_predictions(run)  # the small networks always predict the same class
        table["prediction"] = generator.choice(classes_of(table), len(table))
        table.to_csv(run.predictions, index=False)
        scores.append(scores_of(table))
    report.main()
    text = Path("reports/report.md").read_text()
    for label, row in pd.concat(scores, axis=1).iterrows():  # both precisions, then both recalls
        cells = [f"{100 * value:.2f} %" for value in row.iloc[[0, 2, 1, 3]]]
        expected = r" +\| ".join([re.escape(label), *cells])
        assert re.search(rf"^\| {expected} +\|", text, re.MULTILINE)
    weakest = f"Weakest on the class {scores[1]['recall'].idxmin()}, "
    assert weakest in Path("models/README.md").read_text()


@pytest.mark.parametrize(
    ("train_loss", "test_loss", "overfits"),
    [
        ([2.3, 1.0, 0.5], [2.3, 1.0, 1.2], True),
        ([2.3, 1.0, 0.5], [2.3, 1.0, 0.9], False),
        ([2.3, 5.0, 9.0], [2.3, 5.0, 9.0], False),  # it never learned
    ],
)
@pytest.mark.usefixtures("here")
def test_overfitting_is_said_where_it_is(train_loss: list, test_loss: list, overfits: bool) -> None:
    results = {run.name: Results(run) for run in RUNS}
    baseline = results["fashion_mlp-baseline"]
    baseline.history = baseline.history.assign(train_loss=train_loss, test_loss=test_loss)
    text = report.render_report(read_yaml(PARAMS), read_yaml(REPORTED), results)
    assert ("overfits:" in " ".join(text.split())) == overfits
