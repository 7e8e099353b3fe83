"""Take one technique at a time away from a network's improved recipe."""

import pandas as pd

from stages.lib.artifacts import Run, replacing
from stages.lib.params import load_params
from stages.lib.stage import run_stage
from study.params import load_study_params
from study.results import ablation_file
from study.training import Job, train_all


def main(network: str) -> None:
    """Train NETWORK by its recipe `improved`, whole and without one technique at a time.

    The networks are compared on a part of the training images that none of them is trained on.
    """
    run = Run(network, "improved")
    own = load_params().recipe(run)
    params = load_study_params().ablation
    variants = {"improved": {}} | getattr(params, network)
    trials = [
        (name, own.seed + offset, changes)
        for name, changes in variants.items()
        for offset in range(params.seeds)
    ]
    jobs = [
        Job(run, own.changed(changes | {"seed": seed}), params.validation)
        for _, seed, changes in trials
    ]
    measured = train_all(jobs, f"{network} without one technique at a time")
    rows = [
        (name, seed, round(loss, 6), accuracy)
        for (name, seed, _), (loss, accuracy) in zip(trials, measured, strict=True)
    ]
    columns = ["variant", "seed", "validation_loss", "validation_accuracy"]
    with replacing(ablation_file(network)) as partial:
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False)


if __name__ == "__main__":
    run_stage(main)
