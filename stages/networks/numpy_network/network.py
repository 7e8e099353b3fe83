"""The network of problem 5: forward and backward pass written out in numpy.

Samples are rows. With n samples, A_0 = X of shape (n, d_0), and for each layer l = 1 .. L
with weights W_l of shape (d_l, d_(l-1)) and biases b_l, a row of shape (1, d_l):

    Z_l = A_(l-1) W_l^T + b_l           A_l = sigmoid(Z_l)  for l < L

The loss is the mean cross entropy between softmax(Z_L) and the targets T, one-hot rows:

    C = -1/n sum(T * log softmax(Z_L))

Backpropagation (Rumelhart, Hinton and Williams, 1986), with D_l = dC/dZ_l:

    D_L = (softmax(Z_L) - T) / n        since d log softmax(z)_i / dz_j = [i = j] - softmax(z)_j,
                                        and the entries of a target sum to 1
    dC/dW_l = D_l^T A_(l-1)             dC/db_l = column sums of D_l
    D_(l-1) = D_l W_l * A_(l-1) * (1 - A_(l-1))     since sigmoid' = sigmoid (1 - sigmoid)
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


class NumpyNetwork:
    """A fully connected network: sigmoid in the hidden layers, softmax at the end.

    `sizes` are those of the input, the hidden layers and the output: d_0, .., d_L. Numbers are
    float32 by default: its exp and log are numpy's own, while those of float64 are the C library's,
    and may change with it.

    All parameters lie in one vector, and so do their gradients: `weights`, `biases`,
    `weight_gradients` and `bias_gradients` are lists of views of it, one per layer. So a step is a
    few operations on long vectors.
    """

    def __init__(self, sizes: Sequence[int], dtype: type[np.floating] = np.float32) -> None:
        self.sizes = list(sizes)
        count = sum(outputs * (inputs + 1) for inputs, outputs in pairwise(sizes))
        self.parameters = np.zeros(count, dtype)
        self.gradient = np.zeros(count, dtype)
        self.velocity = np.zeros(count, dtype)
        self.weights, self.biases = self._layers(self.parameters)
        self.weight_gradients, self.bias_gradients = self._layers(self.gradient)

    def _layers(self, vector: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        weights, biases = [], []
        for inputs, outputs in pairwise(self.sizes):
            weight, bias, vector = np.split(vector, [outputs * inputs, outputs * (inputs + 1)])
            weights.append(weight.reshape(outputs, inputs))
            biases.append(bias.reshape(1, outputs))
        return weights, biases

    def initialise(self, generator: np.random.Generator) -> None:
        """Draw weights from N(0, 1/max(inputs, outputs)) and biases from N(0, 1)."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            weight[:] = generator.normal(0, max(weight.shape) ** -0.5, weight.shape)
            bias[:] = generator.normal(0, 1, bias.shape)

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        """Return log softmax(Z_L) of shape (n, d_L) for inputs X of shape (n, d_0).

        A single sample is a batch of one. A_0, .., A_(L-1) are kept for `backward`.
        """
        self.activations = [inputs]
        *hidden, last = zip(self.weights, self.biases, strict=True)
        for weight, bias in hidden:
            self.activations.append(sigmoid(affine(self.activations[-1], weight, bias)))
        return log_softmax(affine(self.activations[-1], *last))

    def backward(self, log_probabilities: np.ndarray, targets: np.ndarray) -> None:
        """Compute the gradient of the mean cross entropy of the batch that `forward` saw last.

        `log_probabilities` is what `forward` returned, `targets` one-hot; both (n, d_L).
        """
        delta = (np.exp(log_probabilities) - targets) / len(targets)
        for layer in reversed(range(len(self.weights))):
            activation = self.activations[layer]
            np.dot(delta.T, activation, out=self.weight_gradients[layer])
            delta.sum(axis=0, keepdims=True, out=self.bias_gradients[layer])
            if layer > 0:
                delta = np.dot(delta, self.weights[layer])
                delta *= activation
                delta *= 1 - activation

    def step(self, learning_rate: float, momentum: float, weight_decay: float) -> None:
        """Move the parameters against the gradient g, which is overwritten.

        With weight decay, g + weight_decay * parameters stands for g; with momentum, the velocity,
        momentum * velocity + g, stands for that (Sutskever et al., 2013, as in PyTorch's SGD).
        """
        if weight_decay:
            self.gradient += weight_decay * self.parameters
        if momentum:
            self.velocity *= momentum
            self.velocity += self.gradient
            self.gradient[:] = self.velocity
        self.gradient *= learning_rate
        self.parameters -= self.gradient


def affine(inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return Z = A W^T + b, of shape (n, d_l), for inputs A of shape (n, d_(l-1))."""
    z = np.dot(inputs, weight.T)  # of few numbers faster than @
    z += bias
    return z


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Compute 1 / (1 + exp(-z)) in place. Written with tanh, which no z overflows."""
    z *= 0.5
    np.tanh(z, out=z)
    z += 1
    z *= 0.5
    return z


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Compute log(exp(z) / sum(exp(z))) of each row in place.

    With each row's maximum subtracted first, no z overflows, nor does log(0) occur.
    """
    z -= z.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z
