"""How the study trains a network, and many of them at once, on a Dask cluster."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.core import datasets, numerics
from stages.core.files import replacing
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import inference_of, network_names, training_of
from stages.core.params import NetworkRecipe
from stages.core.stage import StageError

import dask
import distributed
import numpy as np
from dask.system import CPU_COUNT
from tqdm import tqdm

# By default Dask's workers return freed memory at once, so that each step of a training asks for
# it again. None leaves that to the C library.
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})


def digest(network: str) -> str:
    """Return the SHA-256 of what `sha256sum` prints of a network's code, versions and data."""
    folders = ("stages/networks/common", f"stages/networks/{network}")
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    files += [
        Path(f"stages/core/{name}.py") for name in ("datasets", "metrics", "numerics", "params")
    ]
    files += [Path("study/training.py"), Path("study/kernel.py")]
    files += [Path("requirements.txt"), Path("data/SHA256SUMS")]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# All code is loaded with this module: what changes later does not reach a study that runs.
CODE = {name: digest(name) for name in network_names()}
MODULES = {name: (training_of(name), inference_of(name)) for name in CODE}


@dataclass(frozen=True)
class Job:
    """A network to train on a data set by a recipe, and the split to measure it on.

    With `kernel`, variables of the environment as JSON, other kernels compute: see `study.kernel`.
    """

    network: str
    recipe: NetworkRecipe
    dataset: str
    split: str
    kernel: str = "{}"

    @property
    def kept(self) -> Path:
        """The file in which its measurements are kept: by job, code and numerics."""
        key = f"{self}, {CODE.get(self.network)}, {numerics.describe()}"
        return Path(f"study/trainings/{hashlib.sha256(key.encode()).hexdigest()}.json")


@np.errstate(over="ignore", invalid="ignore")  # `train_all` reports divergence
def measure(job: Job) -> list[dict[str, float]]:
    """Train a network; return its loss and accuracy on the split, and its training loss, by epoch.

    On the validation images only the last epoch is measured.
    """
    training, inference = MODULES[job.network]
    splits = datasets.load_splits(job.dataset, job.recipe.validation_images)
    images, labels = splits[job.split]
    network = training.make_network(job.recipe)
    rows = []
    for epoch, (train_loss, _) in enumerate(training.train(network, job.recipe, splits["train"])):
        if job.split == "test" or epoch == job.recipe.epochs:
            predicted = inference.predict(network, images, job.recipe)
            loss, accuracy = loss_and_accuracy(predicted, labels)
            row = {"epoch": epoch, "train_loss": train_loss, "loss": loss, "accuracy": accuracy}
            rows.append(row)
    return rows


def train(job: Job, kept: Path) -> list[dict[str, float]]:
    """Do a job in a worker: see `measure`.

    Raises StageError if `kept`, which it is where the study runs, is another path here: with other
    code or numerics; and if several threads would draw initial weights from one generator.
    """
    if job.kept != kept:
        here = f"other code or numerics ({numerics.describe()})"
        raise StageError(f"a worker has {here}; restart it as docs/study.md says")
    if distributed.get_worker().state.nthreads > 1:
        raise StageError("a worker has several threads; start it with --nthreads 1")
    if job.kernel == "{}":
        return measure(job)
    recipe = job.recipe.model_dump_json()
    command = [sys.executable, "-m", "study.kernel", job.network, recipe, job.dataset, job.kernel]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        raise StageError(finished.stderr.strip().removeprefix("error: "))
    rows: list[dict[str, float]] = json.loads(finished.stdout)
    return rows


def train_all(jobs: Iterable[Job]) -> None:
    """Do jobs on the cluster at DASK_SCHEDULER_ADDRESS, or else on this machine's cores.

    What each measured is kept when it is trained. If a worker dies, another one takes over.
    Raises StageError as `train` does and if a network diverges, OSError if there is no scheduler.
    """
    local = {"n_workers": CPU_COUNT, "threads_per_worker": 1, "dashboard_address": ":0"}
    elsewhere = dask.config.get("scheduler-address", None)
    with distributed.Client(**({} if elsewhere else local)) as client:
        futures = {client.submit(train, job, job.kept, pure=False): job for job in jobs}
        for future in tqdm(
            distributed.as_completed(futures), "study", len(futures), unit="network"
        ):
            rows, job = future.result(), futures[future]
            if not np.isfinite([*rows[-1].values()]).all():
                raise StageError(f"{job} diverged; lower its learning rate")
            with replacing(job.kept) as partial:
                partial.write_text(json.dumps(rows))
