"""Train a network with other kernels than the fixed ones; print what `measure` returns.

`python -m study.kernel NETWORK RECIPE DATASET VARIABLES`, recipe and variables as JSON.
"""

import json
import os
from pathlib import Path

from stages.core import numerics
from stages.core.stage import StageError, run_stage


def main(network: str, recipe: str, dataset: str, variables: str) -> None:
    """Train NETWORK on DATASET by RECIPE, after setting VARIABLES; `layer` is PyTorch's own."""
    changed = json.loads(variables)
    if "SkylakeX" in changed.values() and "avx512f" not in Path("/proc/cpuinfo").read_text():
        raise StageError("SkylakeX needs AVX-512; take it out of kernels in study/params.yaml")
    if changed.pop("layer", ""):
        numerics.UNPINNED = "the layer is PyTorch's own"
    os.environ.update(changed)  # before numpy and torch load, as they do now

    from stages.core.networks import recipe_of
    from study.training import Job, measure

    block = recipe_of(network).model_validate_json(recipe)
    print(json.dumps(measure(Job(network, block, dataset, "test", variables))))


if __name__ == "__main__":
    run_stage(main, "make study")
