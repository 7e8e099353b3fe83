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
    upper = NumpyNetwork(network.sizes[1:], inputs.dtype.type)  # the layers above the first
    upper_parameters = network.parameters[weight.size + bias.size :]
    upper.parameters[:] = upper_parameters
    z = affine(inputs, weight, bias)
    gram = np.dot(inputs, inputs.T) + ONE
    steps = np.zeros_like(z)
    log_probabilities = np.empty_like(targets)
    for i, rate in enumerate(learning_rates):
        row = slice(i, i + 1)
        z[row] -= np.dot(gram[row, :i], steps[:i])
        activation = sigmoid(z[row])
        log_probabilities[row] = upper.forward(activation)
        upper.backward(log_probabilities[row], targets[row])
        # Of one sample, the gradient with respect to the biases is D_2.
        delta = np.dot(upper.bias_gradients[0], upper.weights[0])
        delta *= activation
        delta *= ONE - activation
        np.multiply(delta, rate, out=steps[row])
        upper.step(rate)
    upper_parameters[:] = upper.parameters
    weight -= np.dot(steps.T, inputs)
    bias -= np.add.reduce(steps, axis=0)
    return log_probabilities
