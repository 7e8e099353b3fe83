"""What the study trains, by study/params.yaml, and the tables that it makes of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from stages.core.files import reading
from stages.core.networks import load_recipe, load_runs
from stages.core.params import Block, checked, read_yaml
from stages.core.paths import Run, study_table
from stages.core.stage import StageError
from stages.results.study import read_table, write_table
from study.training import CODE, Job

import pandas as pd
from pydantic import Field

PARAMS = Path("study/params.yaml")
Seeds = Annotated[int, Field(ge=2)]  # one has no standard deviation
Changes = dict[str, Any]  # of a recipe, or of the environment


class Search(Block):
    """The values that the search combines, by network and hyperparameter."""

    seeds: Seeds
    grid: dict[str, dict[str, Annotated[list[Any], Field(min_length=1)]]]


class Ablation(Block):
    """What each variant changes in the recipe `improved`, by network and name."""

    seeds: Seeds
    variants: dict[str, dict[str, Changes]]


class StudyParams(Block):
    """All of study/params.yaml."""

    search: Search
    seeds: dict[str, Seeds]  # by run
    ablation: Ablation
    kernels: dict[str, dict[str, Changes]]  # variables, by network and name


@dataclass(frozen=True)
class Table:
    """A table: its file, the run that it is of, what it is made with, and each job with its label.

    `summarise` makes rows of what a job measured.
    """

    path: Path
    run: Run
    made_with: dict[str, Any]
    jobs: list[tuple[dict[str, Any], Job]]
    summarise: Callable[[pd.DataFrame], pd.DataFrame]

    def is_current(self) -> bool:
        """Whether the file is there and was made with the same."""
        try:
            return read_table(self.path)[0] == self.made_with
        except (FileNotFoundError, StageError):
            return False

    def read(self) -> pd.DataFrame | None:
        """Read the file; None if it is missing or made with other parameters than today's."""
        if not self.path.exists():
            return None
        made_with, rows = read_table(self.path)
        return rows if made_with | {"code": ""} == self.made_with | {"code": ""} else None

    def write(self) -> None:
        """Write the file from what is kept. Raises StageError if that is damaged."""
        parts = []
        for label, job in self.jobs:
            with reading(job.kept, f"rm {job.kept}; make study"):
                rows = self.summarise(pd.DataFrame(json.loads(job.kept.read_text())))
            parts.append(pd.DataFrame([label]).merge(rows, how="cross"))
        write_table(self.path, pd.concat(parts), self.made_with)


def on_validation_images(history: pd.DataFrame) -> pd.DataFrame:
    """Return the last epoch's loss and accuracy."""
    last = history.tail(1)[["loss", "accuracy"]].round({"loss": 6})
    return last.add_prefix("validation_")


def on_test_images(history: pd.DataFrame) -> pd.DataFrame:
    """Return the final loss and accuracy, and the epoch of the minimum loss."""
    last = history.tail(1)[["loss", "accuracy"]].round({"loss": 6}).add_prefix("test_")
    return last.assign(best_epoch=history["epoch"][history["loss"].idxmin()])


def by_epoch(history: pd.DataFrame) -> pd.DataFrame:
    """Return all epochs."""
    return history.rename(columns={"loss": "test_loss", "accuracy": "test_accuracy"})


def load_study() -> dict[str, list[Table]]:
    """Return the tables by their kind, `search` first.

    Raises StageError that says what is wrong in a file of parameters.
    """
    params = checked(StudyParams, read_yaml(PARAMS), PARAMS)
    runs = {run.name: (run, dataset) for run, dataset in load_runs().items()}

    def of(place: str, blocks: Mapping[str, Any], suffix: str) -> Iterator[tuple[Run, str, Any]]:
        for name, block in blocks.items():
            if name + suffix not in runs:
                raise StageError(f"{PARAMS}: {place}: there is no run {name}{suffix}")
            yield *runs[name + suffix], block

    search, ablation = params.search, params.ablation
    searches = of("search.grid", search.grid, "-improved")
    ablations = of("ablation.variants", ablation.variants, "-improved")
    return {
        "search": [make_search(*each, search.seeds) for each in searches],
        "ablation": [make_ablation(*each, ablation.seeds) for each in ablations],
        "seeds": [make_seeds(*each) for each in of("seeds", params.seeds, "")],
        "kernels": [make_kernels(*each) for each in of("kernels", params.kernels, "-baseline")],
    }


def make_search(run: Run, dataset: str, grid: Mapping[str, list[Any]], seeds: int) -> Table:
    """Return the table of all combinations of a grid's values, on the validation images."""
    if "epochs" not in grid:
        raise StageError(
            f"{PARAMS}: search.grid.{run.network} lacks epochs, of which few are chosen"
        )
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    variants = [(each, each) for each in combinations]
    made_with, jobs = make_jobs(run, dataset, variants, seeds, "validation")
    made_with = {name: value for name, value in made_with.items() if name not in grid}
    path = study_table("search", run.network)
    return Table(path, run, made_with | {"grid": grid}, jobs, on_validation_images)


def make_seeds(run: Run, dataset: str, seeds: int) -> Table:
    """Return the table of a run's recipe under several seeds, on the test images."""
    made_with, jobs = make_jobs(run, dataset, [({}, {})], seeds, "test")
    return Table(run.seeds, run, made_with, jobs, on_test_images)


def make_ablation(run: Run, dataset: str, variants: Mapping[str, Changes], seeds: int) -> Table:
    """Return the table of a recipe and of variants of it, on the validation images."""
    named = [({"variant": name}, changed) for name, changed in {run.recipe: {}, **variants}.items()]
    made_with, jobs = make_jobs(run, dataset, named, seeds, "validation")
    path = study_table("ablation", run.network)
    return Table(path, run, made_with | {"variants": variants}, jobs, on_validation_images)


def make_kernels(run: Run, dataset: str, kernels: Mapping[str, Changes]) -> Table:
    """Return the table of a run's history, with the seed of its recipe, under several kernels."""
    made_with, [(_, job)] = make_jobs(run, dataset, [({}, {})], 1, "test")
    jobs = [
        ({"kernel": name}, replace(job, kernel=json.dumps(variables)))
        for name, variables in kernels.items()
    ]
    path = study_table("kernels", run.network)
    return Table(path, run, made_with | {"kernels": kernels}, jobs, by_epoch)


def make_jobs(
    run: Run, dataset: str, variants: list[tuple[Changes, Changes]], seeds: int, split: str
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Job]]]:
    """Return what a table is made with, and jobs: labelled variants of a recipe, under its seeds.

    The seeds are consecutive, from the recipe's on. Raises StageError if a variant is wrong, or
    does not have the recipe's validation images.
    """
    recipe, jobs = load_recipe(run), []
    for label, changes in variants:
        source = f"{PARAMS}: {run.network}: {', '.join(map(str, label.values()))}"
        for seed in range(recipe.seed, recipe.seed + seeds):
            changed = recipe.changed({**changes, "seed": seed}, source)
            jobs.append(({**label, "seed": seed}, Job(run.network, changed, dataset, split)))
    held_out = {job.recipe.validation_images for _, job in jobs}
    if split == "validation" and held_out != {recipe.validation_images or None}:
        raise StageError(f"{run.block} and its variants need validation_images, the same for all")
    own = {"dataset": dataset, "seeds": seeds, "code": CODE[run.network]}
    return recipe.model_dump() | own, jobs
