"""Train a network without one technique of its improved recipe at a time."""

from stages.core.networks import load_recipe
from stages.core.paths import Run
from stages.core.stage import StageError, run_stage
from stages.core.tables import write_table
from study.training.jobs import Job, train_all
from study.training.params import load_study_params
from study.training.paths import PARAMS, ablation_file

import pandas as pd


def main(network: str, dataset: str) -> None:
    """Train NETWORK on DATASET by its recipe `improved` and by each variant of it.

    They are compared on the validation images.
    """
    improved = load_recipe(Run(network, "improved"))
    if not improved.validation_images:
        raise StageError(f"{network}.improved has no validation_images to compare variants on")
    params = load_study_params().ablation
    if network not in params.variants:
        raise StageError(f"{PARAMS} has no ablation.variants.{network}")
    variants = params.variants[network]
    trials = [
        (variant, seed, changes)
        for variant, changes in ({"improved": {}} | variants).items()
        for seed in range(improved.seed, improved.seed + params.seeds)
    ]
    jobs = []
    for variant, seed, changes in trials:
        source = f"{PARAMS}: ablation.variants.{network}.{variant}"
        recipe = improved.changed(changes | {"seed": seed}, source)
        if recipe.validation_images != improved.validation_images:
            raise StageError(f"{source}: variants are compared on the same validation_images")
        jobs.append(Job(network, recipe, dataset, "validation"))
    measured = train_all(jobs, f"{network} ablation")
    rows = [
        (variant, seed, round(loss, 6), accuracy)
        for (variant, seed, _), (loss, accuracy) in zip(trials, measured, strict=True)
    ]
    columns = ["variant", "seed", "validation_loss", "validation_accuracy"]
    table = pd.DataFrame(rows, columns=columns)
    write_table(ablation_file(network), table, improved.model_dump() | params.of(network))


if __name__ == "__main__":
    run_stage(main)
