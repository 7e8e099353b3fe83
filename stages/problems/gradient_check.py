"""Compare the gradient of numpy_network, layer by layer, with independent methods."""

from stages.core.files import replacing, without_rounding_errors
from stages.core.params import load_params
from stages.core.paths import GRADIENT_CHECK
from stages.core.stage import run_stage
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy, linear

SAMPLES = 4
STEPS = (1e-2, 1e-3, 1e-4)  # of the differences; with smaller ones, rounding errors dominate


def main() -> None:
    """Compare the gradient of the untrained numpy_network, baseline, in float64, for random inputs.

    Writes a row per weight matrix and bias vector: the maximum difference from what autograd and
    central differences give, each relative to the maximum absolute entry of the gradient there.
    """
    recipe = load_params(Recipe, "numpy_network", "baseline")
    generator = np.random.default_rng(recipe.seed)
    network = NumpyNetwork(recipe.sizes, np.float64)
    network.initialise(generator)
    inputs = generator.normal(size=(SAMPLES, network.sizes[0]))
    targets = np.eye(network.sizes[-1])[generator.integers(network.sizes[-1], size=SAMPLES)]
    network.backward(network.forward(inputs), targets)

    layers = zip(network.weights, network.biases, strict=True)
    ends = np.cumsum([array.size for layer in layers for array in layer])
    batch = network, inputs, targets
    differences = [by_differences(*batch, step) for step in STEPS]
    gradients = np.stack([network.gradient, by_autograd(*batch), *differences])
    rows = []
    for number, (ours, *others) in enumerate(np.split(gradients, ends[:-1], axis=1)):
        scale = np.abs(ours).max()
        autograd, *central = (np.abs(ours - other).max() / scale for other in others)
        rows.append(
            {
                "layer": number // 2 + 1,
                "parameters": "biases" if number % 2 else "weights",
                "count": len(ours),
                "autograd": without_rounding_errors(autograd),
            }
            | {f"h={step:g}": f"{found:.1e}" for step, found in zip(STEPS, central, strict=True)}
        )
    with replacing(GRADIENT_CHECK) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


def by_autograd(network: NumpyNetwork, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean cross entropy by PyTorch's autograd, as one vector.

    `inputs` has shape (n, d_0), `targets` (n, d_L), one-hot.
    """
    layers = list(zip(network.weights, network.biases, strict=True))
    parameters = [torch.tensor(array, requires_grad=True) for layer in layers for array in layer]
    z = torch.from_numpy(inputs)
    for weight, bias in zip(parameters[::2], parameters[1::2], strict=True):
        z = linear(z if weight is parameters[0] else z.sigmoid(), weight, bias[0])
    gradients = torch.autograd.grad(cross_entropy(z, torch.from_numpy(targets)), parameters)
    return np.concatenate([gradient.numpy().ravel() for gradient in gradients])


def by_differences(
    network: NumpyNetwork, inputs: np.ndarray, targets: np.ndarray, step: float
) -> np.ndarray:
    """Return the gradient of the mean cross entropy by central differences, as one vector.

    `inputs` has shape (n, d_0), `targets` (n, d_L), one-hot.
    """

    def loss() -> float:
        return -np.vdot(targets, network.forward(inputs)) / len(inputs)

    gradient = np.empty_like(network.parameters)
    for index, parameter in enumerate(network.parameters.copy()):
        network.parameters[index] = parameter + step
        above = loss()
        network.parameters[index] = parameter - step
        gradient[index] = (above - loss()) / (2 * step)
        network.parameters[index] = parameter
    return gradient


if __name__ == "__main__":
    run_stage(main)
