"""What training costs: `python -m tools.cost NETWORK DATASET CHANGES` prints seconds and memory.

Memory is the peak of the process. NETWORK is trained on DATASET three times, and the median of the
seconds is reported: by the recipe `baseline`, but for one epoch, in batches of 64, with scaled
pixels, and with CHANGES, a JSON object of parameters and their values; `samples` among them is the
number of training images.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator

from stages.core import datasets
from stages.core.networks import load_recipe, module_of
from stages.core.paths import Run


def main(network: str, dataset: str, changes: str) -> None:
    """Train and print."""
    training = module_of(network, "training")
    values = {"epochs": 1, "batch_size": 64, "scale_pixels": True} | json.loads(changes)
    samples = values.pop("samples", 60_000)
    own = load_recipe(Run(network, "baseline"))
    recipe = own.changed({name: value for name, value in values.items() if hasattr(own, name)})
    images, labels = datasets.load(dataset, "train")
    training_set = images[:samples], labels[:samples]
    trainings = [
        training.train(training.make_network(recipe), recipe, training_set) for _ in range(3)
    ]
    seconds = statistics.median(timed(epochs) for epochs in trainings)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "gigabytes": kibibytes * 1024 / 1e9}))


def timed(epochs: Iterator[float]) -> float:
    """Return the seconds that it takes. In a process's first PyTorch imports its optimizers too."""
    start = time.perf_counter()
    for _ in epochs:
        pass
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
