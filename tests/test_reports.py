"""What people read: the report, the README, and the committed results on the real data."""

import re

from stages.core.paths import Run
from stages.plot.results import best_epoch
from stages.report.markdown import probability
from stages.report.tables import mean_loss, top_classes

import pandas as pd
import pytest
from conftest import REPOSITORY, Project
from markdown_it import MarkdownIt

FASHION_MLP, NUMPY_NETWORK = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")


def committed_history(committed: Project, run: Run) -> pd.DataFrame:
    """The history that belongs to the committed dvc.lock, from the repository's cache."""
    committed.run("dvc", "config", "--local", "cache.dir", str(REPOSITORY / ".dvc/cache"))
    committed.run("dvc", "checkout", str(run.history))
    return pd.read_csv(committed.folder / run.history)


def links(markdown: str) -> set[str]:
    """The files that a text's images and links lead to."""
    tokens = [
        child for token in MarkdownIt().parse(markdown) for child in token.children or [token]
    ]
    targets = {str(token.attrs.get("src") or token.attrs.get("href") or "") for token in tokens}
    return {target for target in targets if target and not target.startswith(("http", "#"))}


def test_every_link_leads_somewhere(committed: Project) -> None:
    pages = list(committed.folder.rglob("*.md"))
    assert len(pages) >= 12
    for page in pages:
        targets = links(page.read_text())
        assert [each for each in targets if not (page.parent / each).exists()] == [], page


def test_the_report_shows_every_figure_but_those_of_a_second_recipe(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    figures = {str(path.relative_to(reports)) for path in reports.glob("figures/*/*.png")}
    figures = {figure for figure in figures if "-improved/" not in figure}
    assert len(figures) == 2 * (7 + 1) + 4 + 6 + 1
    assert links((reports / "report.md").read_text()) == figures | {"../study/report.md"}


@pytest.mark.parametrize(("optimizer", "name"), [("sgd", "SGD"), ("adamw", "AdamW")])
def test_the_report_names_the_optimizer_and_its_rate(
    project: Project, optimizer: str, name: str
) -> None:
    project.set_param("fashion_mlp", "baseline", optimizer=optimizer, learning_rate=0.25)
    project.run("python", "-m", "stages.report")
    report = " ".join((project.folder / "reports/report.md").read_text().split())
    assert f"by {name} with a learning rate of 0.25, in" in report


def test_the_reports_tables_are_tables(reproduced: Project) -> None:
    report = (reproduced.folder / "reports/report.md").read_text()
    html = MarkdownIt().enable("table").render(report)
    assert html.count("<table>") == report.count("\n|-") == 22
    assert "|-" not in html
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


def test_fashion_mlp_reproduces_the_assignment(committed: Project) -> None:
    history = committed_history(committed, FASHION_MLP)
    assert 0.880 <= history["test_accuracy"].iloc[-1] <= 0.905
    assert 0 < best_epoch(history) < 40
    assert history["test_loss"].iloc[-1] > 1.5 * history["test_loss"].min()


def test_numpy_network_reproduces_the_assignment(committed: Project) -> None:
    accuracies = committed_history(committed, NUMPY_NETWORK)["test_accuracy"]
    assert 0.05 <= accuracies.iloc[0] <= 0.15
    assert 0.82 <= accuracies.iloc[3] <= 0.87


def test_a_probability_is_not_rounded_to_certainty() -> None:
    assert [probability(p) for p in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == [
        "< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %",
    ]  # fmt: skip


def test_a_few_predictions_are_summed_up() -> None:
    predictions = pd.DataFrame(
        {
            "label": ["a", "b"],
            "prediction": ["a", "a"],
            "a": [0.5, 0.875],
            "b": [0.5, 0.125],
        }
    )
    assert mean_loss(predictions) == pytest.approx((0.6931471805599453 + 2.0794415416798357) / 2)
    assert top_classes(predictions.iloc[1], 2) == [("a", 0.875), ("b", 0.125)]


def test_nothing_in_the_outputs_names_the_machine(reproduced: Project) -> None:
    for path in (reproduced.folder / "reports").rglob("*.[cjm]*"):
        text = path.read_text()
        assert str(reproduced.folder) not in text
        assert not re.search(r"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d", text), path
