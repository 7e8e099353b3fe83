"""Training sample by sample, with the first layer computed for a block of samples at once.

Up to rounding, it is `forward`, `backward` and `step` of `NumpyNetwork` with one sample after
another, and faster: the weights of the first layer, which has most of them, change only at the end
of the block. With x_j and d_j for row j of X and of D_1, the steps before sample i would have made
them W_1 - sum_(j<i) rate_j d_j^T x_j, and the biases accordingly. So

    z_i = x_i W_1^T + b_1 - sum_(j<i) (x_i . x_j + 1) rate_j d_j
"""

from collections.abc import Sequence

from stages.networks.numpy_network.network import ONE, NumpyNetwork, affine, sigmoid

import numpy as np


def train_block(
    network: NumpyNetwork, inputs: np.ndarray, targets: np.ndarray, learning_rates: Sequence[float]
) -> np.ndarray:
    """Take one step per sample; return log softmax(Z_L) of each, before its step, (n, d_L).

    `inputs` has shape (n, d_0), `targets`, one-hot, (n, d_L), and there are n learning rates. The
    network has a hidden layer at least.
    """
    weight, bias = network.weights[0], network.biases[0]
    z = affine(inputs, weight, bias)
    gram = np.dot(inputs, inputs.T) + ONE
    steps = np.zeros_like(z)
    log_probabilities = np.empty_like(targets)
    sums = np.empty_like(targets[:, :1])
    *hidden, last = zip(network.weights[1:], [row[0] for row in network.biases[1:]], strict=True)
    for i, rate in enumerate(learning_rates):
        activations = [sigmoid(z[i] - np.dot(gram[i, :i], steps[:i]))]
        for upper_weight, upper_bias in hidden:
            activations.append(sigmoid(np.dot(upper_weight, activations[-1]) + upper_bias))
        logits = np.dot(last[0], activations[-1]) + last[1]
        logits -= np.maximum.reduce(logits)
        log_probabilities[i] = logits  # but for log(sums), which is subtracted below
        delta = np.exp(logits)
        sums[i] = total = np.add.reduce(delta)
        delta /= total
        delta -= targets[i]
        delta *= rate
        for upper_weight, upper_bias in (last, *reversed(hidden)):
            activation = activations.pop()
            below = np.dot(delta, upper_weight)
            below *= activation
            below *= ONE - activation
            upper_weight -= np.multiply.outer(delta, activation)
            upper_bias -= delta
            delta = below
        steps[i] = delta
    weight -= np.dot(steps.T, inputs)
    bias -= np.add.reduce(steps, axis=0)
    log_probabilities -= np.log(sums)
    return log_probabilities
