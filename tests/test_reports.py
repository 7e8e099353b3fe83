"""What people read: the report, the README, and the committed results on the real data."""

import re

import pandas as pd
import pytest
from conftest import Project
from markdown_it import MarkdownIt

from stages.lib.artifacts import Run
from stages.lib.evaluation import best_epoch
from stages.report import likeliest, mean_loss, probability, standard_error

FASHION_MLP, NUMPY_NETWORK = Run("fashion_mlp", "assignment"), Run("numpy_network", "assignment")


def links(markdown: str) -> set[str]:
    """The files that a text's images and links lead to."""
    tokens = [
        child for token in MarkdownIt().parse(markdown) for child in token.children or [token]
    ]
    targets = {str(token.attrs.get("src") or token.attrs.get("href") or "") for token in tokens}
    return {target for target in targets if target and not target.startswith(("http", "#"))}


def test_every_link_of_the_readme_leads_somewhere(committed: Project) -> None:
    targets = links((committed.folder / "README.md").read_text())
    assert targets
    assert [target for target in targets if not (committed.folder / target).exists()] == []


def test_the_report_shows_every_figure(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    figures = {str(path.relative_to(reports)) for path in reports.glob("figures/*/*.png")}
    assert len(figures) == 14
    assert links((reports / "report.md").read_text()) == figures


def test_the_reports_tables_are_tables(reproduced: Project) -> None:
    report = (reproduced.folder / "reports/report.md").read_text()
    html = MarkdownIt().enable("table").render(report)
    assert html.count("<table>") == report.count("\n|-") == 9
    assert "|-" not in html


@pytest.mark.parametrize(
    "command", [("metrics", "show", "--md"), ("dag", "--mermaid")], ids=["metrics", "dag"]
)
def test_the_readme_shows_what_the_command_beside_it_prints(
    committed: Project, command: tuple[str, ...]
) -> None:
    readme = (committed.folder / "README.md").read_text()
    assert f"`dvc {' '.join(command)}`" in readme
    assert committed.run("dvc", *command).stdout.strip() in readme


def test_fashion_mlp_reproduces_the_assignment(committed: Project) -> None:
    history = pd.read_csv(committed.folder / FASHION_MLP.history)
    assert 0.880 <= history["test_accuracy"].iloc[-1] <= 0.905
    assert 0 < best_epoch(history) < 40
    assert history["test_loss"].iloc[-1] > 1.5 * history["test_loss"].min()


def test_numpy_network_reproduces_the_assignment(committed: Project) -> None:
    accuracies = pd.read_csv(committed.folder / NUMPY_NETWORK.history)["test_accuracy"]
    assert 0.05 <= accuracies.iloc[0] <= 0.15
    assert 0.82 <= accuracies.iloc[3] <= 0.87


def test_a_probability_is_not_rounded_to_certainty() -> None:
    assert [probability(share) for share in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == [
        "< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %",
    ]  # fmt: skip


def test_a_few_predictions_are_summed_up() -> None:
    predictions = pd.DataFrame(
        {"label": ["a", "b"], "prediction": ["a", "a"], "a": [0.5, 0.875], "b": [0.5, 0.125]}
    )
    assert mean_loss(predictions) == pytest.approx((0.6931471805599453 + 2.0794415416798357) / 2)
    assert likeliest(predictions.iloc[1], 2) == [("a", 0.875), ("b", 0.125)]
    assert standard_error(0.5, 100) == 0.05


def test_nothing_in_the_outputs_names_the_machine(reproduced: Project) -> None:
    for path in (reproduced.folder / "reports").rglob("*.[cjm]*"):
        text = path.read_text()
        assert str(reproduced.folder) not in text
        assert not re.search(r"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d", text), path
