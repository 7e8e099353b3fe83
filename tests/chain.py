"""Run the stages of the project in the current folder that compute, with one recipe's figures.

They run in one process, since loading torch takes a minute on an emulated processor. The last
line printed is a JSON object with the SHA-256 of each output.
"""

import stages  # noqa: F401, first, because it pins the numerics

# isort: split
import hashlib
import json
import os
import sys
from pathlib import Path

import torch

from stages import (
    box_network,
    compare_recipes,
    evaluate_fashion_mlp,
    evaluate_numpy_network,
    l1_regression,
    plot,
    report,
    softmax_jacobian,
    train_fashion_mlp,
    train_numpy_network,
)
from stages.lib.params import load_params

if len(sys.argv) > 1:
    torch.set_num_threads(int(sys.argv[1]))
l1_regression.main()
box_network.main()
softmax_jacobian.main()
params = load_params()
for recipe in params.fashion_mlp:
    train_fashion_mlp.main(recipe)
    evaluate_fashion_mlp.main(recipe)
for recipe in params.numpy_network:
    train_numpy_network.main(recipe)
    evaluate_numpy_network.main(recipe)
plot.main("fashion_mlp", "assignment")
plot.main("numpy_network", "assignment")
compare_recipes.main("fashion_mlp")
compare_recipes.main("numpy_network")
report.main()
outputs = [path for folder in ("models", "reports") for path in Path(folder).rglob("*.*")]
hashes = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in outputs}
print(json.dumps(hashes), flush=True)
os._exit(0)  # how an emulated process ends its threads is not under test
