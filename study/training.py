"""What the study trains, by study/params.yaml, and how: all at once, on a Dask cluster."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from stages.core import datasets, numerics
from stages.core.files import reading, replacing
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import inference_of, load_recipe, network_names, training_of
from stages.core.params import Block, NetworkRecipe, checked, read_yaml
from stages.core.paths import PIPELINE, Run, ablation
from stages.core.stage import StageError
from stages.results.study import read_table, write_table

import dask
import distributed
import numpy as np
import pandas as pd
from dask.system import CPU_COUNT
from pydantic import Field
from tqdm import tqdm

PARAMS = Path("study/params.yaml")
Seeds = Annotated[int, Field(ge=2)]  # one has no standard deviation
Variants = dict[str, dict[str, Any]]  # what each changes in the recipe, by its name

# By default Dask's workers return freed memory at once, so that each step of a training asks for
# it again. None leaves that to the C library.
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})


class StudyParams(Block):
    """All of study/params.yaml."""

    seeds: Seeds
    ablation_seeds: Seeds
    variants: dict[str, Variants]  # by network


def digest(network: str) -> str:
    """Return the SHA-256 of what `sha256sum` prints of a network's code, versions and data."""
    folders = ("stages/networks/common", f"stages/networks/{network}")
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    files += [
        Path(f"stages/core/{name}.py") for name in ("datasets", "metrics", "numerics", "params")
    ]
    files += [Path("study/training.py"), Path("requirements.txt"), Path("data/SHA256SUMS")]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# All code is loaded with this module: what changes later does not reach a study that runs.
CODE = {name: digest(name) for name in network_names()}
MODULES = {name: (training_of(name), inference_of(name)) for name in CODE}


@dataclass(frozen=True)
class Job:
    """A network to train on a data set by a recipe, under the name of a variant."""

    variant: str = field(repr=False)
    network: str
    recipe: NetworkRecipe
    dataset: str

    @property
    def kept(self) -> Path:
        """The file in which its metrics are kept: by job, code and numerics."""
        key = f"{self}, {CODE.get(self.network)}, {numerics.describe()}"
        return Path(f"study/trainings/{hashlib.sha256(key.encode()).hexdigest()}.json")


@dataclass(frozen=True)
class Table:
    """A table of a run: its file, what it is made with, its columns, and the job of each row."""

    run: Run
    path: Path
    made_with: dict[str, Any]
    columns: list[str]
    jobs: list[Job]

    def is_current(self) -> bool:
        """Whether the file is there and was made with the same."""
        try:
            return read_table(self.path)[0] == self.made_with
        except (FileNotFoundError, StageError):
            return False

    def read(self) -> pd.DataFrame:
        """Read the file. Raises StageError if it was made with other parameters than today's."""
        made_with, rows = read_table(self.path)
        others = [name for name in made_with if made_with[name] != self.made_with.get(name)]
        if {*others} - {"code"}:
            what = f"was made with other values of {', '.join(others)}"
            raise StageError(f"{self.path} {what}; `make study` makes it again")
        return rows

    def write(self) -> None:
        """Write the file from the metrics that are kept. Raises StageError if they are damaged."""
        rows = []
        for job in self.jobs:
            with reading(job.kept, f"rm {job.kept}; make study"):
                metrics = json.loads(job.kept.read_text())
                rows.append({"variant": job.variant, "seed": job.recipe.seed, **metrics})
        write_table(self.path, pd.DataFrame(rows)[self.columns], self.made_with)


def load_tables() -> tuple[list[Table], list[Table]]:
    """Return the seeds' table of each run in dvc.yaml, and each network's ablation.

    Raises StageError that says what is wrong in study/params.yaml or in a recipe.
    """
    params = checked(StudyParams, read_yaml(PARAMS), PARAMS)
    named = next(each["runs"] for each in read_yaml(PIPELINE)["vars"] if "runs" in each)
    runs = {Run(run["network"], run["recipe"]): run["dataset"] for _, run in sorted(named.items())}
    seeds = [make_table(run, dataset, params.seeds) for run, dataset in runs.items()]
    ablations = []
    for network, variants in params.variants.items():
        run = Run(network, "improved")
        if run not in runs:
            raise StageError(f"{PARAMS}: variants.{network}: there is no run {run.name}")
        ablations.append(make_table(run, runs[run], params.ablation_seeds, variants))
    return seeds, ablations


def make_table(run: Run, dataset: str, seeds: int, variants: Variants | None = None) -> Table:
    """Return the table of a run's seeds on the test images; with variants, on validation images.

    Raises StageError if a variant is wrong, or does not have the recipe's validation images.
    """
    recipe = load_recipe(run)
    jobs = []
    for variant, changes in {run.recipe: {}, **(variants or {})}.items():
        source = f"{PARAMS}: variants.{run.network}.{variant}"
        for seed in range(recipe.seed, recipe.seed + seeds):
            changed = recipe.changed({**changes, "seed": seed}, source)
            jobs.append(Job(variant, run.network, changed, dataset))
    own = {"dataset": dataset, "seeds": seeds, "code": CODE[run.network]}
    made_with = recipe.model_dump() | own
    if variants is None:
        return Table(run, run.seeds, made_with, ["seed", "test_loss", "test_accuracy"], jobs)
    if {job.recipe.validation_images for job in jobs} != {recipe.validation_images or None}:
        raise StageError(f"{run.block} and its variants need validation_images, the same for all")
    columns = ["variant", "seed", "validation_loss", "validation_accuracy"]
    return Table(run, ablation(run.network), made_with | {"variants": variants}, columns, jobs)


@np.errstate(over="ignore", invalid="ignore")  # `train_all` reports divergence
def train(job: Job, kept: Path) -> dict[str, float]:
    """Train a network in a worker; return its loss and accuracy on validation and test images.

    Raises StageError if `kept`, which it is where the study runs, is another path here: with other
    code or numerics; and if several threads would draw initial weights from one generator.
    """
    if job.kept != kept:
        here = f"other code or numerics ({numerics.describe()})"
        raise StageError(f"a worker has {here}; restart it as docs/study.md says")
    if distributed.get_worker().state.nthreads > 1:
        raise StageError("a worker has several threads; start it with --nthreads 1")
    training, inference = MODULES[job.network]
    splits = datasets.load_splits(job.dataset, job.recipe.validation_images)
    network = training.make_network(job.recipe)
    list(training.train(network, job.recipe, splits.pop("train")))  # all epochs
    metrics: dict[str, float] = {}
    for split, (images, labels) in splits.items():
        loss, accuracy = loss_and_accuracy(inference.predict(network, images, job.recipe), labels)
        metrics |= {f"{split}_loss": round(loss, 6), f"{split}_accuracy": accuracy}
    return metrics


def train_all(jobs: Mapping[Path, Job]) -> None:
    """Train networks on the cluster at DASK_SCHEDULER_ADDRESS, or else on this machine's cores.

    The metrics of each are kept when it is trained. If a worker dies, another one takes over.
    Raises StageError as `train` does and if a network diverges, OSError if there is no scheduler.
    """
    local = {"n_workers": CPU_COUNT, "threads_per_worker": 1, "dashboard_address": None}
    elsewhere = dask.config.get("scheduler-address", None)
    with distributed.Client(**({} if elsewhere else local)) as client:
        futures = {client.submit(train, job, kept, pure=False): job for kept, job in jobs.items()}
        for future in tqdm(distributed.as_completed(futures), "study", len(jobs), unit="network"):
            metrics, job = future.result(), futures[future]
            if not np.isfinite([*metrics.values()]).all():
                where = f"{job.network}, {job.variant}, with the seed {job.recipe.seed}"
                raise StageError(f"{where}, diverged; lower its learning rate")
            with replacing(job.kept) as partial:
                partial.write_text(json.dumps(metrics))
