"""Train a run under several seeds."""

import pandas as pd

from stages.lib.artifacts import Run, replacing
from stages.lib.params import load_params
from stages.lib.stage import run_stage
from study.params import load_study_params
from study.results import seeds_file
from study.training import Job, train_all


def main(network: str, recipe: str) -> None:
    """Train NETWORK by RECIPE under the seeds that study/params.yaml asks for."""
    run = Run(network, recipe)
    own = load_params().recipe(run)
    seeds = range(own.seed, own.seed + load_study_params().seeds)
    jobs = [Job(run, own.changed({"seed": seed})) for seed in seeds]
    measured = train_all(jobs, run.name)
    table = pd.DataFrame(measured, columns=["test_loss", "test_accuracy"]).round(6)
    table.insert(0, "seed", seeds)
    with replacing(seeds_file(run)) as partial:
        table.to_csv(partial, index=False)


if __name__ == "__main__":
    run_stage(main)
