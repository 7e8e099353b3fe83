"""Draw the recipes of a network beside one another."""

from stages.lib.artifacts import Run, figures_folder
from stages.lib.evaluation import read_history
from stages.lib.figures import compared_recipes
from stages.lib.params import load_params
from stages.lib.stage import StageError, run_stage
from stages.lib.style import save_figures


def main(network: str) -> None:
    """Draw the histories of all recipes of NETWORK."""
    runs = [Run(network, recipe) for recipe in getattr(load_params(), network)]
    for run in runs:
        if not run.history.exists():
            raise StageError(
                f"{run.history} is missing: is {run.recipe} among the recipes in dvc.yaml?"
            )
    histories = {run.recipe: read_history(run) for run in runs}
    save_figures(figures_folder(network), {"recipes": compared_recipes(histories)})


if __name__ == "__main__":
    run_stage(main)
