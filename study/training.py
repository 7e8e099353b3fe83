"""Train many networks at once, on a Dask cluster."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import dask
import distributed
from tqdm import tqdm

import stages
from stages.lib import datasets, fashion_mlp, fashion_training, numpy_network, numpy_training
from stages.lib.artifacts import Run
from stages.lib.evaluation import loss_and_accuracy
from stages.lib.params import FashionMLPRecipe, NumpyNetworkRecipe
from stages.lib.stage import StageError

NETWORKS = {
    "fashion_mlp": (fashion_mlp, fashion_training),
    "numpy_network": (numpy_network, numpy_training),
}


@dataclass(frozen=True)
class Job:
    """One network to train. With `validation`, so many training images stand in for the test set.

    They are the last ones, and are not trained on.
    """

    run: Run
    recipe: FashionMLPRecipe | NumpyNetworkRecipe
    validation: int = 0


def train(job: Job, pinned: bool) -> tuple[float, float]:
    """Train a network in a worker; return its loss, in nats, and its accuracy, from 0 to 1, on test
    or validation images.

    Raises StageError if the worker's numerics are not pinned though those of the client are, or if
    it has several threads, whose networks would draw their initial weights from one generator.
    """
    if pinned and stages.UNPINNED:
        raise StageError(f"a worker is not pinned: {stages.UNPINNED}; start it as README.md says")
    if distributed.get_worker().state.nthreads > 1:
        raise StageError("a worker has several threads; start it with --nthreads 1")
    training_set = datasets.load(job.run.dataset, "train")
    images, labels = datasets.load(job.run.dataset, "t10k")
    if job.validation:
        images, labels = (array[-job.validation :] for array in training_set)
        training_set = tuple(array[: -job.validation] for array in training_set)
    module, training = NETWORKS[job.run.network]
    network = training.make_network(job.recipe)
    for _ in training.train(network, job.recipe, training_set):
        pass
    return loss_and_accuracy(module.predict(network, images, job.recipe), labels)


def train_all(jobs: Sequence[Job], title: str) -> list[tuple[float, float]]:
    """Train all networks; return the loss and the accuracy of each, in the order of the jobs.

    On the cluster whose scheduler's address DASK_SCHEDULER_ADDRESS gives, or else on one of its
    own, with a worker a core. What a worker that dies was training is trained by another.
    """
    with _client() as client, tqdm(total=len(jobs), desc=title, unit="network") as progress:
        futures = client.map(train, jobs, pinned=not stages.UNPINNED, pure=False)
        for _ in distributed.as_completed(futures, raise_errors=False):
            progress.update()
        return client.gather(futures)


def _client() -> distributed.Client:
    if dask.config.get("scheduler-address", None):
        return distributed.Client()
    return distributed.Client(
        n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None
    )
