"""What people read: the report, the README, and the committed results on the real data."""

import re

from stages.core.paths import Run
from stages.networks.fashion_mlp.network import FashionMLP
from stages.plot.results import (
    best_epoch,
    calibration,
    calibration_error,
    probability,
    read_first_weights,
    uncertain,
)
from stages.report.__main__ import schedule
from stages.report.tables import class_scores, mean_loss, parameters, scores_of

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY, Project
from markdown_it import MarkdownIt
from safetensors.torch import load_file
from sklearn.metrics import precision_recall_fscore_support

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


def test_the_report_shows_every_figure(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    figures = {str(path.relative_to(reports)) for path in reports.glob("figures/*/*.png")}
    assert len(figures) == 4 * 8 + 4 + 6 + 1 + 2 * 3
    once = {
        f"figures/{network}-improved/classes.png" for network in ("fashion_mlp", "numpy_network")
    }
    others = {"../study/report.md", "../models/README.md", "../data/reported.yaml"}
    assert links((reports / "report.md").read_text()) == figures - once | others


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
    assert html.count("<table>") == report.count("\n|-") == 16
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


def random_predictions() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(generator.dirichlet([0.5] * 4, 200), columns=list("abcd"))
    table.insert(0, "prediction", table.idxmax(axis=1))
    noise = pd.Series(generator.choice(list("abc"), 200))
    table.insert(0, "label", table["prediction"].where(generator.random(200) < 0.6, noise))
    return table


def test_scores_of_classes_are_those_of_scikit_learn() -> None:
    predictions = random_predictions()
    classes = sorted(set(predictions["label"]))
    *expected, _ = precision_recall_fscore_support(
        predictions["label"], predictions["prediction"], labels=classes
    )
    scores = scores_of(predictions)
    assert list(scores.index) == classes
    np.testing.assert_allclose(scores.to_numpy().T, expected)


def test_classes_are_compared_by_recall_in_percentage_points() -> None:
    right = pd.DataFrame({"label": list("aabbccdd"), "prediction": list("aabbccdd")})
    right[list("abcd")] = 0.25
    before, after = right.copy(), right.copy()
    before.loc[[2, 3], "prediction"] = "a"
    after.loc[[4, 6, 7], "prediction"] = ["a", "b", "b"]
    found = class_scores(before, after)
    assert (found["most"], found["gain"]) == ("b", 100)
    assert (found["least"], found["loss"]) == ("d", -100)
    assert found["confused"] == ["d taken for b, 2", "c taken for a, 1"]
    assert found["images"] == 2
    assert found["error"] == pytest.approx(100 * (0.5 * 0.5 / 2) ** 0.5)  # of a binomial share
    scores = ["50.00 %", "66.67 %", "100.00 %", "100.00 %", "66.67 %", "80.00 %"]
    assert found["rows"][0] == ("a", *scores)


def test_calibration_counts_each_image_in_the_bin_of_its_confidence() -> None:
    predictions = random_predictions()
    total = 0.0
    for low in range(10):
        inside = [
            (max(row[name] for name in "abcd"), row["label"] == row["prediction"])
            for _, row in predictions.iterrows()
            if low <= 10 * max(row[name] for name in "abcd") < low + 1
        ]
        if inside:
            confidences, right = zip(*inside, strict=True)
            total += abs(sum(confidences) - sum(right))
    bins = calibration(predictions)
    assert bins["images"].sum() == 200
    assert calibration_error(bins) == pytest.approx(total / 200)
    certain = pd.DataFrame({"label": ["a"], "prediction": ["a"], "a": [1.0], "b": [0.0]})
    assert list(calibration(certain).index) == [0.9]
    assert calibration_error(calibration(certain)) == 0


def test_the_least_certain_images_are_shown() -> None:
    predictions = random_predictions()
    order = predictions[list("abcd")].max(axis=1).sort_values().index
    assert list(uncertain(predictions).index) == list(order[:3])


def test_the_schedule_drawn_is_that_of_the_steps_in_the_middle_of_the_epochs() -> None:
    recipe = {"epochs": 4, "learning_rate": 0.3, "schedule": "linear", "warmup_fraction": 0.5}
    label, fractions = schedule("better", recipe)
    assert label == "better: max 0.3"
    assert fractions == pytest.approx([0.25, 0.75, 0.75, 0.25])
    assert schedule("plain", recipe | {"schedule": "constant"})[1] == [1] * 4


@pytest.mark.parametrize("network", ["fashion_mlp", "numpy_network"])
def test_the_weights_drawn_are_those_of_the_first_layer(
    reproduced: Project, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    monkeypatch.chdir(reproduced.folder)
    run = Run(network, "baseline")
    if network == "fashion_mlp":
        weights = FashionMLP([784, 256, 128, 64, 10])
        weights.load_state_dict(load_file(run.model))
        expected = weights[0].weight.detach().numpy()
    else:
        expected = load_file(run.model)["weight_1"].numpy()
    drawn = read_first_weights(run)
    np.testing.assert_array_equal(drawn.reshape(len(expected), 784), expected)


def test_parameters_are_those_of_the_network() -> None:
    network = FashionMLP([784, 5, 4, 10])
    count = sum(parameter.numel() for parameter in network.parameters())
    assert parameters({"hidden_sizes": [5, 4]}) == f"{count:,}"


def test_nothing_in_the_outputs_names_the_machine(reproduced: Project) -> None:
    for path in (reproduced.folder / "reports").rglob("*.[cjm]*"):
        text = path.read_text()
        assert str(reproduced.folder) not in text
        assert not re.search(r"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d", text), path
