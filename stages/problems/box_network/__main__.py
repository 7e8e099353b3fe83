"""Problem 2: approximate functions by networks of step neurons, and measure the error."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import Problem
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.box_network import figures
from stages.problems.box_network.errors import tabulate_errors
from stages.problems.box_network.step_network import StepNetwork, box_grid, boxes
from stages.problems.params import BoxNetwork

import numpy as np

PROBLEM = Problem("box_network")
LOW, HIGH = 0.25, 0.75  # the box in two dimensions


def main() -> None:
    """Approximate functions by networks of step neurons, and measure the error."""
    params = load_params(BoxNetwork, PROBLEM.name)
    table = tabulate_errors(params.boxes)
    wave, moved, _, longer, _ = table.loc[table["part"] == "variations", "neurons"].tolist()

    single_box = boxes(np.zeros(1), np.array([params.width]), np.array([params.height]))
    x = np.linspace(-params.width, 2 * params.width, 601)
    values = single_box(x[:, np.newaxis])
    defined = np.where((x >= 0) & (x < params.width), params.height, 0)

    axis = np.linspace(0, 1, 128, endpoint=False)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1)
    inside = ((plane >= LOW) & (plane < HIGH)).all(axis=-1)
    plane_box = box_grid(np.array([LOW, HIGH]), np.ones((1, 1)))
    first_layer, (signs, _) = plane_box.hidden
    steps, second_layer = StepNetwork([first_layer], signs[0])(plane), plane_box(plane)
    numbers = {
        "box_error": np.abs(values - defined).max(),
        "max_error_over_bound": (table["max_error"] / table["bound"]).max(),
        "neurons": wave,
        "neurons_for_twice_the_values": moved,
        "neurons_for_twice_the_length": longer,
        "steps_error": np.abs(steps - inside).max(),
        "best_steps_error": np.abs(steps / 2 - 0.25 - inside).max(),
        "second_layer_error": np.abs(second_layer - inside).max(),
    }
    with replacing(PROBLEM.results) as partial:
        partial.mkdir()
        table.round(6).to_csv(partial / "errors.csv", index=False)
        write_numbers(partial / "numbers.json", numbers)
    drawn = {
        "box": figures.box(params.height, params.width, x, values),
        "network": figures.network(single_box),
        "approximations": figures.approximations(params.boxes[:4]),
        "errors": figures.errors(table),
        "steps_in_two_dimensions": figures.steps_in_two_dimensions(steps, second_layer),
        "dimensions": figures.dimensions(table),
    }
    save_figures(PROBLEM.figures, drawn)


if __name__ == "__main__":
    run_stage(main)
