"""Problem 1 against every candidate for the minimum, the definition, weak duality and SciPy."""

from itertools import combinations

from stages.core.params import read_yaml
from stages.core.paths import PARAMS, problem_folder
from stages.problems.l1_regression import solver
from stages.problems.l1_regression.data import make_data
from stages.problems.params import L1Regression

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from scipy.special import huber


def data(**values: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix A, y, and which points are outliers."""
    given = {"points": 30, "outlier_fraction": 0.2, "slope": 2.0, "intercept": 1.0, "noise": 1.0}
    x, y, outliers = make_data(L1Regression(**{**given, "iterations": 100, "seed": 1, **values}))
    return solver.with_ones(x), y, outliers


def minimisers(design: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the theta with at least as many zero residuals as entries, those of the lowest loss.

    One is a minimiser, since the loss is linear wherever no residual is zero; if one is the only
    one, it is the only minimiser, since these are the corners of a convex set.
    """
    rows = map(list, combinations(range(len(y)), design.shape[1]))
    thetas = np.array([np.linalg.lstsq(design[each], y[each])[0] for each in rows])
    losses = np.abs(thetas @ design.T - y).sum(axis=1)
    return np.unique(thetas[losses < losses.min() + 1e-9].round(9), axis=0)


def test_the_lines_of_the_report_are_found_by_trying_all_candidates(committed: Project) -> None:
    params = L1Regression(**read_yaml(committed.folder / PARAMS)["l1_regression"])
    x, y, _ = make_data(params)
    (line,) = minimisers(solver.with_ones(x), y)
    ((through_origin,),) = minimisers(x[:, np.newaxis], y)
    slopes_and_intercepts = {
        "true line": [params.slope, params.intercept],
        "minimum L1 loss": line,
        "weighted median, through the origin": [through_origin, 0],
        "least squares": np.polyfit(x, y, 1),
    }
    expected = pd.DataFrame(slopes_and_intercepts, ["slope", "intercept"]).T
    expected["l1_loss"] = [abs(w * x + b - y).sum() for w, b in expected.to_numpy()]
    path = committed.folder / problem_folder("l1_regression") / "lines.csv"
    found = pd.read_csv(path, index_col="line")
    pd.testing.assert_frame_equal(found, expected, check_names=False, rtol=0, atol=6e-7)


@pytest.mark.parametrize("features", [0, 1, 3])
@pytest.mark.parametrize("points", [15, 16])
def test_a_minimiser_is_certified_and_its_neighbours_are_not(features: int, points: int) -> None:
    generator = np.random.default_rng(3)
    design = np.column_stack([generator.normal(size=(points, features)), np.ones(points)])
    y = generator.standard_t(2, points)
    theta, found = solver.minimise(design, y), minimisers(design, y)
    loss, lowest = (solver.l1_loss(design, y, each) for each in (theta, found[0]))
    assert loss == pytest.approx(lowest, abs=1e-7)
    dual, dual_residual = solver.certify(design, y, theta)
    assert dual_residual < 1e-12
    # Of an even number of points, each value between the middle ones is a median.
    unique = features > 0 or points == 15
    assert solver.certifies_uniqueness(design, dual) == (len(found) == 1) == unique
    if features:
        for direction in np.vstack([np.eye(features + 1), -np.eye(features + 1)]):
            assert solver.certify(design, y, theta + 1e-6 * direction)[1] > 0.01


@pytest.mark.parametrize("seed", range(20))
def test_a_weighted_median_is_the_best_of_all_candidates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.integers(-3, 4, (2, 2 + seed)).astype(float)  # with ties and zeros
    x[0] = 2
    slopes = (solver.weighted_median(x, y), *(y[x != 0] / x[x != 0]))
    losses = [abs(x * slope - y).sum() for slope in slopes]
    assert losses[0] == pytest.approx(min(losses))


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
        theta = solver.minimise(design, y)
        dual, dual_residual = solver.certify(design, y, theta)
        assert dual_residual < solver.ZERO, values
        assert np.abs(dual).max() <= 1
        loss = solver.l1_loss(design, y, theta)
        assert solver.lower_bound(y, dual) == pytest.approx(loss, rel=1e-9, abs=1e-9), values


def test_irls_lowers_the_huber_loss_and_ends_where_the_certificate_predicts() -> None:
    design, y, _ = data()
    thetas = solver.irls(design, y, 200)
    assert len(thetas) == 201
    assert thetas[0] == pytest.approx(np.polyfit(design[:, 0], y, 1))
    residuals = np.array(thetas) @ design.T - y
    losses = (huber(solver.ZERO, residuals) / solver.ZERO + solver.ZERO / 2).sum(axis=1)
    assert (np.diff(losses) < 1e-12).all()
    (theta,) = minimisers(design, y)
    theta = np.linalg.solve(*(each[abs(design @ theta - y) < 1e-6] for each in (design, y)))
    dual, _ = solver.certify(design, y, theta)
    inside = abs(dual[abs(dual) < 1])
    gap = solver.l1_loss(design, y, thetas[-1]) - solver.l1_loss(design, y, theta)
    assert gap == pytest.approx(solver.ZERO * (inside * (1 - inside)).sum(), rel=0.01)
    assert 0 < gap <= solver.ZERO / 2 * len(inside)


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
