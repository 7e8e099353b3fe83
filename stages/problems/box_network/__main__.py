"""Problem 2: approximate functions by networks of step neurons, and measure the error."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import figures_folder, problem_folder
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.box_network import figures
from stages.problems.box_network.errors import tabulate_errors
from stages.problems.box_network.step_network import StepNetwork, box_grid
from stages.problems.params import BoxNetwork

import numpy as np

PROBLEM = "box_network"
LOW, HIGH = 0.25, 0.75  # the box in two dimensions


def main() -> None:
    """Approximate functions by networks of step neurons, and measure the error."""
    params = load_params(BoxNetwork, PROBLEM)
    table = tabulate_errors(params.boxes)
    wave, moved, _, longer, _ = table.loc[table["part"] == "variations", "neurons"].tolist()

    # A network of one box is a grid whose other boxes have no height.
    single_box = box_grid(np.array([0, params.width]), np.array([params.height, 0]))
    plane_box = box_grid(np.array([LOW, HIGH]), np.array([[1, 0], [0, 0]]))
    first_layer, (signs, _) = plane_box.hidden
    # Between these edges both networks are constant: a point of each cell is enough.
    edges = np.array([0, LOW, HIGH, 1])
    points = np.stack(np.meshgrid(edges[:-1], edges[:-1]), axis=-1)
    steps, second_layer = StepNetwork([first_layer], signs[0])(points), plane_box(points)
    inside = (points == LOW).all(axis=-1)
    numbers = {
        "max_error_over_bound": (table["max_error"] / table["bound"]).max(),
        "neurons": wave,
        "neurons_for_twice_the_values": moved,
        "neurons_for_twice_the_length": longer,
        "steps_error": np.abs(steps - inside).max(),
        "best_steps_error": np.abs(steps / 2 - 0.25 - inside).max(),
        "second_layer_error": np.abs(second_layer - inside).max(),
    }
    with replacing(problem_folder(PROBLEM)) as partial:
        partial.mkdir()
        table.round(6).to_csv(partial / "errors.csv", index=False)
        write_numbers(partial / "numbers.json", numbers)
    drawn = {
        "box": figures.box(single_box),
        "network": figures.network(single_box),
        "approximations": figures.approximations(params.boxes[:4]),
        "errors": figures.errors(table),
        "steps_in_two_dimensions": figures.steps_in_two_dimensions(edges, steps, second_layer),
        "dimensions": figures.dimensions(table),
    }
    save_figures(figures_folder(PROBLEM), drawn)


if __name__ == "__main__":
    run_stage(main)
