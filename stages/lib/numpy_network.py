"""The network of problem 5: forward and backward pass written out in numpy.

Samples are rows. With n samples, A_0 = X of shape (n, d_0), and for each layer l = 1 .. L
with weights W_l of shape (d_l, d_(l-1)) and biases b_l, a row of shape (1, d_l):

    Z_l = A_(l-1) W_l^T + b_l           A_l = sigmoid(Z_l)  for l < L

The loss is the mean cross entropy between softmax(Z_L) and the targets T, one-hot rows:

    C = -1/n sum(T * log softmax(Z_L))

Backpropagation (Rumelhart, Hinton and Williams, 1986), with D_l = dC/dZ_l:

    D_L = (softmax(Z_L) - T) / n        since d log softmax(z)_i / dz_j = [i = j] - softmax(z)_j,
                                        and the entries of a target sum to 1
    D_(l-1) = D_l W_l * A_(l-1) * (1 - A_(l-1))     since sigmoid' = sigmoid (1 - sigmoid)
    dC/dW_l = D_l^T A_(l-1)             dC/db_l = column sums of D_l
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from stages.lib.params import NumpyNetworkRecipe

# As arrays, since numpy converts a Python number anew at every call.
HALF, ONE = np.array(0.5, np.float32), np.array(1, np.float32)


class NumpyNetwork:
    """A fully connected network: sigmoid in the hidden layers, softmax at the end.

    `sizes` are those of the input, the hidden layers and the output: d_0, .., d_L. float32 is the
    type of all numbers, unless told otherwise: its exp and log are numpy's own, while those of
    float64 are the C library's, and may change with it.

    All parameters lie in one vector, and so do their gradients: `weights`, `biases`,
    `weight_gradients` and `bias_gradients` are views of parts of it, one a layer. A step is then
    a few operations on long vectors, and a backward pass allocates no memory of the weights' size.
    """

    def __init__(self, sizes: Sequence[int], dtype: type[np.floating] = np.float32) -> None:
        self.sizes = list(sizes)
        count = sum(outputs * (inputs + 1) for inputs, outputs in pairwise(sizes))
        self.parameters = np.zeros(count, dtype)
        self.gradient = np.zeros(count, dtype)
        self.velocity = np.zeros(count, dtype)
        self.weights, self.biases = self._layers(self.parameters)
        self.weight_gradients, self.bias_gradients = self._layers(self.gradient)
        first = self.weights[0].size + self.biases[0].size
        self.upper_parameters, self.upper_gradient = self.parameters[first:], self.gradient[first:]

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
        """Return log softmax(Z_L) of shape (n, d_L) for inputs of shape (n, d_0).

        A single sample is a batch of one. Inputs and hidden activations are kept for `backward`.
        """
        self.inputs = inputs
        return self._forward_from(affine(inputs, self.weights[0], self.biases[0]))

    def _forward_from(self, z: np.ndarray) -> np.ndarray:
        """Return log softmax(Z_L), given Z_1."""
        self.hidden = []
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            self.hidden.append(sigmoid(z))
            z = affine(self.hidden[-1], weight, bias)
        return log_softmax(z)

    def backward(self, log_probabilities: np.ndarray, targets: np.ndarray) -> None:
        """Compute the gradient of the mean cross entropy, of the batch that `forward` saw last.

        `log_probabilities` is what `forward` returned, `targets` one-hot; both (n, d_L).
        """
        delta = np.exp(log_probabilities)
        delta -= targets
        delta /= len(targets)
        delta = self._backward_to_first(delta)
        np.dot(delta.T, self.inputs, out=self.weight_gradients[0])
        np.add.reduce(delta, axis=0, keepdims=True, out=self.bias_gradients[0])

    def _backward_to_first(self, delta: np.ndarray) -> np.ndarray:
        """Compute the gradients of all layers but the first, given D_L; return D_1."""
        for layer in reversed(range(1, len(self.weights))):
            activation = self.hidden[layer - 1]
            np.dot(delta.T, activation, out=self.weight_gradients[layer])
            np.add.reduce(delta, axis=0, keepdims=True, out=self.bias_gradients[layer])
            delta = np.dot(delta, self.weights[layer])
            delta *= activation
            delta *= ONE - activation
        return delta

    def step(self, learning_rate: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        """Move the parameters against the gradient g, which is used up: it is changed in place.

        With weight decay, g + weight_decay * parameters stands for g; with momentum, the velocity,
        momentum * velocity + g, stands for that (Sutskever et al., 2013, as in PyTorch's SGD).
        """
        if weight_decay:
            self.gradient += weight_decay * self.parameters
        if momentum:
            self.velocity *= momentum
            self.velocity += self.gradient
            np.copyto(self.gradient, self.velocity)
        self.gradient *= learning_rate
        self.parameters -= self.gradient

    def train_one_by_one(
        self, inputs: np.ndarray, targets: np.ndarray, learning_rates: Sequence[float]
    ) -> np.ndarray:
        """Take a step a sample; return log softmax(Z_L) of each, before its step, (n, d_L).

        But for rounding, the same as `forward`, `backward` and `step` with one sample after
        another, and faster: the first layer, which has most of the weights, changes in the end
        only. With x_j and d_j for row j of X and of D_1, the steps before sample i would have made
        its weights W_1 - sum_(j<i) rate_j d_j^T x_j, and its biases accordingly. So

            z_i = x_i W_1^T + b_1 - sum_(j<i) (x_i . x_j + 1) rate_j d_j

        `inputs` has shape (n, d_0), `targets`, one-hot, (n, d_L), and there are n learning rates.
        """
        z = affine(inputs, self.weights[0], self.biases[0])
        products = np.dot(inputs, inputs.T) + ONE
        steps = np.zeros_like(z)
        log_probabilities = np.empty_like(targets)
        for i, rate in enumerate(learning_rates):
            row = slice(i, i + 1)
            z[row] -= np.dot(products[row, :i], steps[:i])
            log_probabilities[row] = self._forward_from(z[row])
            delta = np.exp(log_probabilities[row])
            delta -= targets[row]
            np.multiply(self._backward_to_first(delta), rate, out=steps[row])
            self.upper_gradient *= rate
            self.upper_parameters -= self.upper_gradient
        self.weights[0] -= np.dot(steps.T, inputs)
        self.biases[0] -= np.add.reduce(steps, axis=0)
        return log_probabilities

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        arrays = {}
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            arrays |= {f"weight_{layer}": weight, f"bias_{layer}": bias.ravel()}
        path.write_bytes(save(arrays))

    @classmethod
    def load(cls, path: Path) -> "NumpyNetwork":
        """Read a network that `save` wrote."""
        state = load_file(path)
        layers = range(1, len(state) // 2 + 1)
        weights = [state[f"weight_{layer}"] for layer in layers]
        network = cls([weights[0].shape[1], *(len(weight) for weight in weights)])
        for index, layer in enumerate(layers):
            network.weights[index][:] = state[f"weight_{layer}"]
            network.biases[index][:] = state[f"bias_{layer}"]
        return network


def affine(inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Z = A W^T + b, of shape (n, d_l), for inputs A of shape (n, d_(l-1))."""
    z = np.dot(inputs, weight.T)
    z += bias
    return z


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), in place. Written with tanh, which no z overflows."""
    z *= HALF
    np.tanh(z, out=z)
    z += ONE
    z *= HALF
    return z


def log_softmax(z: np.ndarray) -> np.ndarray:
    """log(exp(z) / sum(exp(z))) of each row, in place; no z overflows, nor does log(0) occur."""
    z -= np.maximum.reduce(z, axis=-1, keepdims=True)
    z -= np.log(np.add.reduce(np.exp(z), axis=-1, keepdims=True))
    return z


def predict(network: NumpyNetwork, images: np.ndarray, recipe: NumpyNetworkRecipe) -> np.ndarray:
    """The log-probabilities, (n, classes), of images, uint8 (n, 28, 28), as the recipe asks."""
    return network.forward(to_input(images, recipe.scale_pixels))


def to_input(images: np.ndarray, scale_pixels: bool) -> np.ndarray:
    """Images, uint8 (n, 28, 28), as float32 (n, 784), from 0 to 255, or to 1 if scaled."""
    inputs = images.reshape(len(images), -1).astype(np.float32)
    return inputs / 255 if scale_pixels else inputs
