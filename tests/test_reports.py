"""What people read: the report, the README, and the committed results on the real data."""

import re

import pandas as pd
import pytest
from conftest import REPOSITORY, Project
from markdown_it import MarkdownIt

from stages.lib.artifacts import Run
from stages.lib.evaluation import best_epoch
from stages.lib.markdown import probability
from stages.report import (
    claims,
    likeliest,
    mean_loss,
    standard_error,
    verdict,
)

FASHION_MLP, NUMPY_NETWORK = Run("fashion_mlp", "assignment"), Run("numpy_network", "assignment")


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


def test_every_link_of_the_readme_leads_somewhere(committed: Project) -> None:
    targets = links((committed.folder / "README.md").read_text())
    assert targets
    assert [target for target in targets if not (committed.folder / target).exists()] == []


def test_the_report_shows_every_figure_but_those_of_a_second_recipe(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    figures = {str(path.relative_to(reports)) for path in reports.glob("figures/*/*.png")}
    figures = {figure for figure in figures if "-improved/" not in figure}
    assert len(figures) == 2 * (7 + 1) + 4 + 6 + 1
    assert links((reports / "report.md").read_text()) == figures | {"../study/report.md"}


@pytest.mark.parametrize(
    ("optimizer", "name"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")]
)
def test_the_report_names_the_optimizer_and_its_rate(
    project: Project, optimizer: str, name: str
) -> None:
    project.set_param("fashion_mlp", "assignment", optimizer=optimizer, learning_rate=0.25)
    project.run("python", "-m", "stages.report")
    report = " ".join((project.folder / "reports/report.md").read_text().split())
    assert f"by {name} at a learning rate of 0.25, in" in report


def test_the_reports_tables_are_tables(reproduced: Project) -> None:
    report = (reproduced.folder / "reports/report.md").read_text()
    html = MarkdownIt().enable("table").render(report)
    assert html.count("<table>") == report.count("\n|-") == 22
    assert "|-" not in html
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


@pytest.mark.parametrize(
    "command",
    ["dvc metrics show --md reports/metrics/*-*.json", "dvc dag --mermaid dvc.yaml"],
    ids=["metrics", "dag"],
)
def test_the_readme_shows_what_the_command_beside_it_prints(
    committed: Project, command: str
) -> None:
    readme = (committed.folder / "README.md").read_text()
    assert f"`{command}`" in readme
    assert committed.run("bash", "-c", command).stdout.strip() in readme


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
    assert [probability(share) for share in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == [
        "< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %",
    ]  # fmt: skip


PROVEN = {
    "l1_regression": {"imbalance": 0, "l1_loss": 2.0, "lower_bound": 2.0},
    "box_network": {
        "greatest_error_over_bound": 1.0,
        "neurons": 64,
        "neurons_for_twice_the_values": 64,
        "neurons_for_twice_the_length": 128,
        "best_steps_error": 0.25,
        "second_layer_error": 0.0,
    },
    "softmax_jacobian": {"autograd_difference": 0, "complex_step_difference": 0},
}


def test_a_claim_is_right_only_if_every_check_says_so() -> None:
    assert [row[3] for row in claims(**PROVEN)] == [
        "right; our solution is proven", "boxes right; the count has B for L", "right",
    ]  # fmt: skip
    for problem, name, wrong in (
        ("l1_regression", "imbalance", 1e-6),
        ("l1_regression", "lower_bound", 1.9),
        ("box_network", "greatest_error_over_bound", 1.1),
        ("box_network", "neurons_for_twice_the_values", 128),
        ("box_network", "neurons_for_twice_the_length", 64),
        ("box_network", "second_layer_error", 1.0),
        ("softmax_jacobian", "autograd_difference", 1e-6),
        ("softmax_jacobian", "complex_step_difference", 1e-6),
    ):
        refuted = claims(**PROVEN | {problem: PROVEN[problem] | {name: wrong}})
        assert (
            sum(row[3] in ("not borne out", "our solution is not proven") for row in refuted) == 1
        )


def test_an_accuracy_is_reproduced_within_three_standard_errors() -> None:
    assert (
        verdict("", 0.5, 0.52, 2500)[3]
        == "reproduced: +2.00 points, 2.0 standard errors of the test set"
    )
    assert verdict("", 0.5, 0.46, 2500)[3].startswith("another draw: -4.00 points, 4.0 standard")


def test_the_readme_shows_the_reports_first_table(committed: Project) -> None:
    report = (committed.folder / "reports/report.md").read_text()
    table = report[report.index("| problem") : report.index("The assignment's text")]
    assert table.count("\n|") >= 6
    assert table in (committed.folder / "README.md").read_text()


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
