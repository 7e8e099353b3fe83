"""What people read: the report, the README, and the committed results on the real data."""

import re
from pathlib import Path
from types import SimpleNamespace

from stages.core import numerics
from stages.core.networks import inference_of, load_recipe, training_of
from stages.core.params import TrainingRecipe
from stages.core.paths import Run
from stages.report.__main__ import TEMPLATES, relative_rates
from stages.report.markdown import render
from stages.results.reading import read_model
from stages.results.summaries import best_epoch

import numpy as np
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


def test_the_report_shows_every_figure(reproduced: Project) -> None:
    reports = reproduced.folder / "reports"
    figures = {str(path.relative_to(reports)) for path in reports.rglob("*.png")}
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


def test_the_improved_recipe_is_compared_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    right = pd.DataFrame({"label": list("aabbccdd"), "prediction": list("aabbccdd")})
    right[list("abcd")] = 0.25
    before, after = right.copy(), right.copy()
    before.loc[[2, 3], "prediction"] = "a"
    after.loc[[4, 6, 7], "prediction"] = ["a", "b", "b"]
    results = {}
    for name, predictions in (("baseline", before), ("improved", after)):
        run = Run("fashion_mlp", name)
        results[name] = SimpleNamespace(
            run=run, recipe=load_recipe(run), predictions=predictions, ablation=lambda: None
        )
    text = " ".join(render(TEMPLATES / "fashion_mlp_improved.md.jinja", **results).split())
    scores = "50.00 % | 66.67 % | 100.00 % | 100.00 % | 66.67 % | 80.00 %"
    assert re.search(rf"\| a +\| {scores.replace(' | ', ' +[|] +')} +\|", text)
    assert re.search(r"recall of b .* \+100\.0 .* that of d .* -100\.0\. ", text)
    assert re.search(r"has 2 images: .* up to 35\.4 points", text)  # of a binomial share, 0.5 of 2
    assert "d taken for b, 2; c taken for a, 1." in text


def test_the_schedule_drawn_is_that_of_the_steps_in_the_middle_of_the_epochs() -> None:
    recipe = TrainingRecipe.model_construct(
        epochs=4, learning_rate=0.3, schedule="linear", warmup_fraction=0.5
    )
    assert relative_rates(recipe) == pytest.approx([0.25, 0.75, 0.75, 0.25])
    constant = recipe.model_copy(update={"schedule": "constant"})
    assert relative_rates(constant) == [1] * 4


@pytest.mark.parametrize("network", ["fashion_mlp", "numpy_network"])
def test_a_model_tells_of_its_parameters_its_data_and_what_computed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    monkeypatch.chdir(REPOSITORY)
    run = Run(network, "baseline")
    model = training_of(network).make_network(load_recipe(run))
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    inference_of(network).save(model, run.model, "Letters")
    found = read_model(run)
    if network == "fashion_mlp":
        parameters = sum(each.numel() for each in model.parameters())
        first = model[0].weight.detach().numpy()
    else:
        parameters, first = model.parameters.size, model.weights[0]
    assert (found.parameters, found.dataset) == (parameters, "Letters")
    assert found.numerics == numerics.describe()
    np.testing.assert_array_equal(found.first_weights.reshape(-1, 784), first)


def test_nothing_in_the_outputs_names_the_machine(reproduced: Project) -> None:
    for path in (reproduced.folder / "reports").rglob("*.[cjm]*"):
        text = path.read_text()
        assert str(reproduced.folder) not in text
        assert not re.search(r"\d\d:\d\d:\d\d|20\d\d-\d\d-\d\d", text), path
