"""What training costs: `python -m tools.cost NETWORK CHANGES` prints seconds and peak memory.

NETWORK is trained three times, and the median of the seconds is told: by the recipe `assignment`,
but for one epoch, in batches of 64, with scaled pixels, and with CHANGES, a JSON object of
parameters and their values; `samples` among them is the number of training images.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator

from stages.lib import datasets
from stages.lib.artifacts import Run
from stages.lib.params import load_params


def main(network: str, changes: str) -> None:
    """Train and print."""
    if network == "fashion_mlp":
        from stages.lib.fashion_training import make_network, train
    else:
        from stages.lib.numpy_training import make_network, train
    run = Run(network, "assignment")
    values = {"epochs": 1, "batch_size": 64, "scale_pixels": True} | json.loads(changes)
    samples = values.pop("samples", 60_000)
    own = load_params().recipe(run)
    recipe = own.changed({name: value for name, value in values.items() if hasattr(own, name)})
    images, labels = datasets.load(run.dataset, "train")
    training_set = images[:samples], labels[:samples]
    trainings = [train(make_network(recipe), recipe, training_set) for _ in range(3)]
    seconds = statistics.median(timed(training) for training in trainings)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "gigabytes": kibibytes * 1024 / 1e9}))


def timed(training: Iterator[float]) -> float:
    """The seconds until it ends. In a process's first one PyTorch imports its optimizers, too."""
    start = time.perf_counter()
    for _ in training:
        pass
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
