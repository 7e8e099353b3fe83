"""Problem 3: check the formula of softmax's Jacobian by independent methods, and draw it."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import figures_folder, problem_folder
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.params import SoftmaxJacobian
from stages.problems.softmax_jacobian import figures
from stages.problems.softmax_jacobian.jacobian import (
    cross_entropy_gradients,
    jacobian,
    jacobian_by_autograd,
    jacobian_by_complex_step,
)

import numpy as np

PROBLEM = "softmax_jacobian"


def main() -> None:
    """Check the formula of softmax's Jacobian by independent methods, and draw it."""
    params = load_params(SoftmaxJacobian, PROBLEM)
    vector = np.array(params.logits)
    generator = np.random.default_rng(params.seed)
    drawn = generator.normal(vector.mean(), vector.std(), (params.vectors - 1, len(vector)))
    logits = np.vstack([vector, drawn])
    matrices = jacobian(logits)
    chain_rule, y_minus_t = cross_entropy_gradients(logits, target=1)
    numbers = {
        "autograd_difference": np.abs(matrices - jacobian_by_autograd(logits)).max(),
        "complex_step_difference": np.abs(matrices - jacobian_by_complex_step(logits)).max(),
        "chain_rule_difference": np.abs(chain_rule - y_minus_t).max(),
    }
    with replacing(problem_folder(PROBLEM)) as partial:
        partial.mkdir()
        write_numbers(partial / "numbers.json", numbers)
    heat_maps = figures.temperatures(vector, params.temperatures)
    save_figures(figures_folder(PROBLEM), {"temperatures": heat_maps})


if __name__ == "__main__":
    run_stage(main)
