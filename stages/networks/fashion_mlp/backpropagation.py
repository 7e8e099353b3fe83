"""The gradient of the cross entropy of fashion_mlp."""

from stages.networks.fashion_mlp.network import FashionMLP, activations, by_openblas, layers_of

import numpy as np
import torch
from torch.nn.functional import nll_loss


class Backpropagation:
    """Computes the gradient of the mean cross entropy of a network.

    The network's parameters are moved into one vector, `parameters`, and their gradients into
    another, `parameters.grad`, so that an optimizer's step is one operation on long vectors.
    """

    def __init__(self, network: FashionMLP) -> None:
        self.network = network
        tensors = list(network.parameters())
        # Products with transposed weights are faster. (`t` leaves biases as they are.)
        self.parameters = torch.cat([tensor.detach().t().flatten() for tensor in tensors])
        self.parameters.grad = torch.zeros_like(self.parameters)
        lengths = [tensor.numel() for tensor in tensors]
        values, gradients = self.parameters.split(lengths), self.parameters.grad.split(lengths)
        for tensor, value, gradient in zip(tensors, values, gradients, strict=True):
            tensor.data = value.view(tensor.t().shape).t()
            tensor.grad = gradient.view(tensor.t().shape).t()
        self.by_openblas = by_openblas(self.parameters.device)
        if self.by_openblas:
            self.weights, self.biases = layers_of(tensors)
            self.weight_gradients, self.bias_gradients = layers_of([each.grad for each in tensors])

    def __call__(self, x: torch.Tensor, labels: np.ndarray) -> np.ndarray:
        """Compute the gradient; return the log-probabilities, float32 (n, classes).

        `x` has shape (n, pixels) and is on the network's device, `labels` has shape (n,).
        """
        if self.by_openblas:
            return self._by_openblas(x.numpy(), labels)
        self.parameters.grad.zero_()
        log_probabilities = self.network(x).log_softmax(dim=1)
        nll_loss(log_probabilities, torch.from_numpy(labels).to(x.device)).backward()
        return log_probabilities.detach().cpu().numpy()

    def _by_openblas(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        *inputs, logits = activations(x, self.weights, self.biases)
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True)
        delta = np.exp(logits)
        sums = np.add.reduce(delta, axis=1, keepdims=True)
        delta /= sums
        delta[np.arange(len(labels)), labels] -= 1
        delta /= len(labels)
        for layer in reversed(range(len(inputs))):
            np.dot(inputs[layer].T, delta, out=self.weight_gradients[layer])
            np.add.reduce(delta, axis=0, out=self.bias_gradients[layer])
            if layer > 0:
                delta = np.dot(delta, self.weights[layer].T)
                delta *= inputs[layer] > 0  # the derivative of ReLU
        return logits - np.log(sums)
