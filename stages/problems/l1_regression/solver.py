"""Linear regression under the L1 loss (least absolute deviations, LAD): solvers and certificate.

With samples as rows of X and a last column of ones for the bias, A = [X 1] has shape (n, d + 1).
A linear model has the parameters theta = (w_1, .., w_d, b), the residuals r = A theta - y and the
loss sum |r_i|, which is convex and piecewise linear. Its subgradients at theta are the vectors

    A^T s    with s_i = sign(r_i) where r_i is not zero, and any s_i from -1 to 1 where it is,

and theta is a minimiser if and only if zero is among them. The s of zero is a certificate: a dual
feasible s, one with A^T s = 0 and max |s_i| <= 1, gives a lower bound, -s^T y, on the loss of every
theta, and that of the certificate is the loss itself (weak duality; Boyd and Vandenberghe, "Convex
Optimization", 2004, chapter 5):

    sum |r_i| >= s^T r = -s^T y
"""

import math

import numpy as np
from scipy.optimize import linprog, lsq_linear

ZERO = 1e-9  # a residual below this is zero up to rounding; the floor of IRLS
TOLERANCE = 1e-6  # of the linear program's solution


def with_ones(x: np.ndarray) -> np.ndarray:
    """Return A = [X 1] of shape (n, 2), for one feature x of shape (n,)."""
    return np.column_stack([x, np.ones_like(x)])


def l1_loss(design: np.ndarray, y: np.ndarray, theta: np.ndarray) -> float:
    """Return sum |A theta - y|, for A of shape (n, p), y (n,) and theta (p,)."""
    return math.fsum(np.abs(design @ theta - y))


def minimise(design: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a minimiser theta, of shape (p,), of the L1 loss, for A of shape (n, p) and y (n,).

    It is a linear program: minimise sum (u_i + v_i) with A theta - u + v = y and u, v >= 0
    (Charnes, Cooper and Ferguson, 1955). The solver's theta is right to its tolerance only, but it
    tells which residuals are zero; solving for these gives theta to full precision.
    """
    samples, parameters = design.shape
    identity = np.eye(samples)
    found = linprog(
        c=np.repeat([0.0, 1.0], [parameters, 2 * samples]),
        A_eq=np.hstack([design, -identity, identity]),
        b_eq=y,
        bounds=[(None, None)] * parameters + [(0, None)] * (2 * samples),
    )
    theta = found.x[:parameters]
    zero = np.abs(design @ theta - y) < TOLERANCE
    if np.linalg.matrix_rank(design[zero]) == parameters:
        theta = np.linalg.lstsq(design[zero], y[zero])[0]
    return theta


def certify(design: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the s of shape (n,) that comes closest to certifying theta, and max |A^T s|.

    `design` is A, of shape (n, p), y (n,), theta (p,). s_i is sign(r_i) where r_i is not zero; the
    other s_i, within -1 to 1, minimise the Euclidean norm of A^T s. That max, the dual residual, is
    zero if and only if theta is a minimiser. Of the solver this uses only its theta.
    """
    residuals = design @ theta - y
    dual = np.sign(residuals)
    zero = np.abs(residuals) < ZERO
    dual[zero] = 0
    if zero.any():
        closest = lsq_linear(design[zero].T, -(design.T @ dual), bounds=(-1, 1), method="bvls")
        dual[zero] = closest.x
    return dual, float(np.abs(design.T @ dual).max())


def lower_bound(y: np.ndarray, dual: np.ndarray) -> float:
    """Return -s^T y, for y and s of shape (n,): no loss is lower if s is dual feasible."""
    return -math.fsum(dual * y)


def certifies_uniqueness(design: np.ndarray, dual: np.ndarray) -> bool:
    """Return whether a certificate s, (n,), shows that there is one minimiser only, for A (n, p).

    The bound -s^T y is reached only where |r_i| = s_i r_i, so that r_i = 0 where |s_i| < 1; if p of
    these rows of A are linearly independent, one theta alone has these zero residuals.
    """
    rows = design[np.abs(dual) < 1 - ZERO]
    return bool(np.linalg.matrix_rank(rows) == design.shape[1])


def weighted_median(x: np.ndarray, y: np.ndarray) -> float:
    """Return a t that minimises sum |x_i t - y_i|, for x and y of shape (n,), not all x zero.

    It is the least y_i / x_i up to which the weights |x_i| make at least half of their sum.
    """
    ratios, weights = y[x != 0] / x[x != 0], np.abs(x[x != 0])
    return float(np.quantile(ratios, 0.5, weights=weights, method="inverted_cdf"))


def irls(design: np.ndarray, y: np.ndarray, iterations: int) -> list[np.ndarray]:
    """Return the theta of least squares, then of each iteration of reweighted least squares.

    Iteratively reweighted least squares (IRLS): the weights 1 / |r_i|, from the residuals of the
    previous theta, make r_i^2 count as |r_i| (Schlossmacher, 1973). With a floor under |r_i| (Fair,
    1974) it minimises not the L1 loss but a Huber loss, with r_i^2 / (2 floor) + floor / 2 in place
    of |r_i| below the floor: no iteration increases it.
    """
    weights = np.ones_like(y)
    thetas = []
    for _ in range(iterations + 1):
        root = np.sqrt(weights)
        thetas.append(np.linalg.lstsq(root[:, np.newaxis] * design, root * y)[0])
        weights = 1 / np.maximum(np.abs(design @ thetas[-1] - y), ZERO)
    return thetas
