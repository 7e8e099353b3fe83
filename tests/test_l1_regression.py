"""Problem 1 against every candidate for the minimum, the definition and weak duality."""

from itertools import combinations

from stages.problems.l1_regression.data import make_data
from stages.problems.l1_regression.solver import (
    ZERO,
    certify,
    irls,
    l1_loss,
    lower_bound,
    minimise,
    with_ones,
)
from stages.problems.params import L1Regression

import numpy as np
import pytest


def data(**values: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix A, y, and which points are outliers."""
    given = {"points": 30, "outlier_fraction": 0.2, "slope": 2.0, "intercept": 1.0, "noise": 1.0}
    x, y, outliers = make_data(L1Regression(**{**given, "iterations": 100, "seed": 1, **values}))
    return with_ones(x), y, outliers


def lowest_loss(design: np.ndarray, y: np.ndarray) -> float:
    """The lowest loss of all theta for which as many residuals are zero as theta has entries.

    One of these is a minimiser, since the loss is linear wherever no residual is zero.
    """
    count = design.shape[1]
    rows = map(list, combinations(range(len(y)), count))
    return min(l1_loss(design, y, np.linalg.solve(design[each], y[each])) for each in rows)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [1.0, 0.0])
def test_no_line_through_two_points_has_a_lower_loss(seed: int, noise: float) -> None:
    design, y, _ = data(seed=seed, noise=noise)
    loss = l1_loss(design, y, minimise(design, y))
    assert loss == pytest.approx(lowest_loss(design, y), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("features", [0, 1, 3])
@pytest.mark.parametrize("points", [15, 16])
def test_a_minimiser_is_certified_and_its_neighbours_are_not(features: int, points: int) -> None:
    generator = np.random.default_rng(3)
    design = np.column_stack([generator.normal(size=(points, features)), np.ones(points)])
    y = generator.standard_t(2, points)
    theta = minimise(design, y)
    assert l1_loss(design, y, theta) == pytest.approx(lowest_loss(design, y), rel=1e-12)
    assert certify(design, y, theta)[1] < 1e-12
    if features:  # of an even number of points, each value between the middle ones is a median
        for direction in np.vstack([np.eye(features + 1), -np.eye(features + 1)]):
            assert certify(design, y, theta + 1e-6 * direction)[1] > 0.01


def drawn(seed: int) -> dict[str, object]:
    generator = np.random.default_rng(seed)
    return {
        "points": int(generator.integers(2, 60)),
        "outlier_fraction": float(generator.random()),
        "slope": float(generator.choice([-1000, -1, 0, 1, 1000])),
        "intercept": float(generator.choice([-1000, 0, 1, 1000])),
        "noise": float(generator.choice([0, 0.001, 1, 1000])),
        "seed": seed,
    }


EXTREME = [
    {"points": 2},
    {"outlier_fraction": 1.0},
    {"noise": 0.0, "slope": 0.0, "intercept": 0.0},
    {"slope": 1000.0, "intercept": -1000.0, "noise": 1000.0, "points": 300},
    # The linear program's solution is off by more than rounding.
    {"points": 55, "outlier_fraction": 0.68, "slope": 0.0, "intercept": 1000.0, "noise": 0.001,
     "seed": 637647},
]  # fmt: skip


def test_all_parameters_are_certified_by_a_lower_bound_that_is_the_loss() -> None:
    for values in [*EXTREME, *map(drawn, range(100))]:
        design, y, _ = data(**values)
        theta = minimise(design, y)
        dual, dual_residual = certify(design, y, theta)
        assert dual_residual < ZERO, values
        assert np.abs(dual).max() <= 1
        loss = l1_loss(design, y, theta)
        assert lower_bound(y, dual) == pytest.approx(loss, rel=1e-9, abs=1e-9), values


def test_certify_returns_a_subgradient() -> None:
    """By definition: no loss is below the tangent, loss(theta) + (A^T s)^T (other - theta)."""
    generator = np.random.default_rng(4)
    design, y, _ = data()
    theta = np.linalg.solve(design[:2], y[:2])
    dual, dual_residual = certify(design, y, theta)
    assert dual_residual > 0.01, "theta happens to be a minimiser"
    for other in theta + generator.normal(0, 3, (200, 2)):
        tangent = l1_loss(design, y, theta) + design.T @ dual @ (other - theta)
        assert l1_loss(design, y, other) >= tangent - ZERO


def test_irls_starts_at_least_squares_and_converges_to_the_minimum_loss() -> None:
    design, y, _ = data()
    thetas = irls(design, y, 100)
    assert len(thetas) == 101
    assert thetas[0] == pytest.approx(np.polyfit(design[:, 0], y, 1))
    losses = [l1_loss(design, y, each) for each in thetas]
    assert losses[0] > losses[1] > losses[10] > losses[-1]
    assert losses[-1] == pytest.approx(lowest_loss(design, y), abs=1e-7)


def test_the_data_is_a_line_with_noise_and_a_fraction_of_outliers() -> None:
    design, y, outliers = data(noise=0.0)
    assert y == pytest.approx(np.where(outliers, 0, design @ [2, 1]))
    design, y, outliers = data(points=1000, outlier_fraction=0.3, slope=-3.0)
    assert outliers.sum() == 300
    assert (y[outliers] == 0).all()
    noise = (y - design @ [-3, 1])[~outliers]
    # four standard errors of the mean and of the standard deviation of 700 normal samples
    assert abs(noise.mean()) < 4 / 700**0.5
    assert noise.std() == pytest.approx(1, abs=4 / 1400**0.5)
