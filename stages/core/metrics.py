"""How well predictions fit the labels."""

import math

import numpy as np


def loss_and_accuracy(log_probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean cross entropy in nats, and the accuracy, from 0 to 1.

    `log_probabilities` has shape (n, classes), `labels` (n,). The sum is rounded once (Shewchuk's
    algorithm, `math.fsum`), so that no order of summation, and so no number of threads, changes it.
    """
    losses = -log_probabilities[np.arange(len(labels)), labels].astype(np.float64)
    correct = np.count_nonzero(log_probabilities.argmax(axis=1) == labels)
    return math.fsum(losses / len(labels)), correct / len(labels)
