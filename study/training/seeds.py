"""Train a run under several seeds."""

from stages.core.networks import load_recipe
from stages.core.paths import Run
from stages.core.stage import run_stage
from stages.core.tables import write_table
from study.training.jobs import Job, train_all
from study.training.params import load_study_params

import pandas as pd


def main(network: str, recipe: str, dataset: str) -> None:
    """Train NETWORK on DATASET by RECIPE under as many seeds as study/params.yaml says."""
    run = Run(network, recipe)
    own = load_recipe(run)
    count = load_study_params().seeds
    seeds = range(own.seed, own.seed + count)
    jobs = [Job(network, own.changed({"seed": seed}), dataset, "test") for seed in seeds]
    measured = train_all(jobs, run.name)
    table = pd.DataFrame(measured, columns=["test_loss", "test_accuracy"]).round(6)
    table.insert(0, "seed", seeds)
    write_table(run.seeds, table, own.model_dump() | {"seeds": count})


if __name__ == "__main__":
    run_stage(main)
