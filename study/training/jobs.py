"""Train many networks at once, on a Dask cluster."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages import core
from stages.core import datasets
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import module_of
from stages.core.params import Block
from stages.core.stage import StageError

import dask
import distributed
from dask.system import CPU_COUNT
from tqdm import tqdm

# By default Dask's workers return freed memory at once, so that each step of a training asks for
# it again. None leaves that to the C library.
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})


def digest() -> str:
    """Return the SHA-256 of all code with which networks are trained."""
    folders = ("stages/core", "stages/networks", "study/training")
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


CODE = digest()  # when this module is imported, which a worker does at its start


@dataclass(frozen=True)
class Job:
    """One network to train on a data set by a recipe, and the split to measure it on."""

    network: str
    recipe: Block
    dataset: str
    split: Literal["validation", "test"]


def train(job: Job, numerics: str, code: str) -> tuple[float, float]:
    """Train a network in a worker.

    Returns its mean cross entropy, in nats, and its accuracy, from 0 to 1, on the job's split.

    Raises StageError if the worker's numerics or code are not those of the client, or if it has
    several threads, whose networks would draw their initial weights from one generator; and if the
    network diverges.
    """
    if numerics != core.numerics():
        raise StageError(
            f"a worker computes with {core.numerics()}, and not with {numerics}; "
            "start it as docs/study.md says"
        )
    if code != CODE:
        raise StageError("a worker has loaded other code than is here; restart it")
    if distributed.get_worker().state.nthreads > 1:
        raise StageError("a worker has several threads; start it with --nthreads 1")
    training, inference = (module_of(job.network, name) for name in ("training", "inference"))
    splits = datasets.load_splits(job.dataset, job.recipe.validation_images)
    network = training.make_network(job.recipe)
    for epoch, (loss, _) in enumerate(training.train(network, job.recipe, splits["train"])):
        if not math.isfinite(loss):
            raise StageError(
                f"{job.network} diverged in epoch {epoch} with the seed {job.recipe.seed}; "
                "lower its learning rate"
            )
    images, labels = splits[job.split]
    return loss_and_accuracy(inference.predict(network, images, job.recipe), labels)


def train_all(jobs: Sequence[Job], title: str) -> list[tuple[float, float]]:
    """Train all networks; return the loss and the accuracy of each, in the order of the jobs.

    The cluster is that whose scheduler's address DASK_SCHEDULER_ADDRESS gives, or else one on this
    machine, with a worker for each core that this process may use. If a worker dies, another one
    trains its network.

    Raises StageError as `train` does, OSError if the scheduler cannot be reached.
    """
    with _client() as client, tqdm(total=len(jobs), desc=title, unit="network") as progress:
        futures = client.map(train, jobs, numerics=core.numerics(), code=CODE, pure=False)
        for future in distributed.as_completed(futures):
            future.result()  # raises what it raised, before the others end
            progress.update()
        return client.gather(futures)


def _client() -> distributed.Client:
    if dask.config.get("scheduler-address", None):
        return distributed.Client()
    return distributed.Client(n_workers=CPU_COUNT, threads_per_worker=1, dashboard_address=None)
