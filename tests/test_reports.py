"""What people read: the report, the pages, and the committed results on the real data."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from stages.core.networks import load_recipe, network_names
from stages.core.params import TrainingRecipe
from stages.core.paths import Run
from stages.report.__main__ import relative_rates
from stages.results.reading import read_model, read_predictions
from stages.results.summaries import scores_of

import numpy as np
import pytest
from conftest import Project
from markdown_it import MarkdownIt
from safetensors.numpy import load_file


def links(markdown: str) -> set[str]:
    """The files that a text's images and links lead to."""
    tokens = [
        child for token in MarkdownIt().parse(markdown) for child in token.children or [token]
    ]
    targets = {str(token.attrs.get("src") or token.attrs.get("href") or "") for token in tokens}
    return {target for target in targets if target and not target.startswith(("http", "#"))}


def test_every_link_leads_somewhere(committed: Project) -> None:
    pages = list(committed.folder.rglob("*.md"))
    assert committed.folder / "reports/report.md" in pages
    for page in pages:
        targets = links(page.read_text())
        assert [each for each in targets if not (page.parent / each).exists()] == [], page


def test_the_report_shows_every_figure(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    drawn = {str(path.relative_to(reports)) for path in reports.rglob("*.png")}
    same_as_baselines = {f"figures/{name}-improved/classes.png" for name in network_names()}
    assert drawn - links((reports / "report.md").read_text()) == same_as_baselines


def test_the_reports_tables_are_tables(reproduced: Project) -> None:
    report = (reproduced.folder / "reports/report.md").read_text()
    html = MarkdownIt().enable("table").render(report)
    assert html.count("<table>") == report.count("\n|-") > 0
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("docs/experiments.md", "dvc metrics show --md"),
        ("CONTRIBUTING.md", "dvc dag --collapse-foreach-matrix --mermaid dvc.yaml"),
    ],
)
def test_a_page_shows_what_the_command_next_to_it_prints(
    committed: Project, page: str, command: str
) -> None:
    text = (committed.folder / page).read_text()
    assert f"`{command}`" in text
    assert committed.run("bash", "-c", command).stdout.strip() in text


def test_the_committed_results_reproduce_what_the_author_reported(committed: Project) -> None:
    report = (committed.folder / "reports/report.md").read_text()
    assert len(re.findall(r"\| reproduced: ", report)) == len(network_names())
    assert "the network overfits" in " ".join(report.split())


def test_the_improved_recipe_is_compared_by_class(
    reproduced: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reproduced.folder)
    report = Path("reports/report.md").read_text()
    before, after = (
        read_predictions(Run("fashion_mlp", recipe)) for recipe in ("baseline", "improved")
    )
    scores = scores_of(before).join(scores_of(after).add_suffix("_improved"))
    for label, row in scores.iterrows():
        pairs = ((row[name], row[f"{name}_improved"]) for name in ("precision", "recall", "F1"))
        cells = [f"{100 * value:.2f} %" for pair in pairs for value in pair]
        expected = r" +\| ".join([re.escape(label), *cells])
        assert re.search(rf"^\| {expected} +\|$", report, re.MULTILINE)
    pairs = zip(after["label"], after["prediction"], strict=True)
    _, most = Counter((label, other) for label, other in pairs if label != other).most_common(1)[0]
    assert f", {most};" in report.partition("confuses most often, in test images: ")[2]


def test_the_schedule_drawn_is_that_of_the_steps_in_the_middle_of_the_epochs() -> None:
    recipe = TrainingRecipe.model_construct(
        epochs=4, learning_rate=0.3, schedule="linear", warmup_fraction=0.5
    )
    assert relative_rates(recipe) == pytest.approx([0.25, 0.75, 0.75, 0.25])


@pytest.mark.parametrize(
    ("network", "first"), [("fashion_mlp", "0.weight"), ("numpy_network", "weight_1")]
)
def test_a_model_tells_of_its_parameters(
    reproduced: Project, monkeypatch: pytest.MonkeyPatch, network: str, first: str
) -> None:
    monkeypatch.chdir(reproduced.folder)
    run = Run(network, "baseline")
    found = read_model(run)
    assert found.parameters == sum((i + 1) * o for i, o in pairwise(load_recipe(run).sizes))
    np.testing.assert_array_equal(found.first_weights.reshape(-1, 784), load_file(run.model)[first])


def test_nothing_in_the_outputs_names_the_machine(reproduced: Project) -> None:
    for path in (reproduced.folder / "reports").rglob("*.[cjm]*"):
        text = path.read_text()
        assert str(reproduced.folder) not in text
        assert not re.search(r"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d", text), path
