"""Names of files, relative to the root of the repository."""

from dataclasses import dataclass
from pathlib import Path

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
PARAMS_CHECKED = Path(".params-checked")
SHA256SUMS = Path("data/SHA256SUMS")
REPORTED = Path("data/reported.yaml")
MODEL_CARD = Path("models/README.md")
REPORT = Path("reports/report.md")
HTML = Path("reports/report.html")
COMPARISON = Path("reports/comparison")
FIRST_EPOCHS = Path("reports/first_epochs.csv")
GRADIENT_CHECK = Path("reports/problems/gradient_check.csv")


def raw_folder(dataset: str) -> Path:
    """Return the folder with a data set's four IDX files, as torchvision lays them out."""
    return Path(f"data/{dataset}/raw")


def problem_folder(name: str) -> Path:
    """Return the folder of the results of a problem without training: 1 to 3."""
    return Path(f"reports/problems/{name}")


def figures_folder(name: str) -> Path:
    """Return the folder of the figures of a problem or a run, by its name."""
    return Path(f"reports/figures/{name}")


@dataclass(frozen=True)
class Run:
    """One network trained by one recipe."""

    network: str
    recipe: str

    @property
    def name(self) -> str:
        """The run's name, which its files bear."""
        return f"{self.network}-{self.recipe}"

    @property
    def block(self) -> str:
        """The block of its recipe in params.yaml."""
        return f"{self.network}.{self.recipe}"

    @property
    def model(self) -> Path:
        """The trained weights and biases, as safetensors."""
        return Path(f"models/{self.name}.safetensors")

    @property
    def history(self) -> Path:
        """The loss and accuracy after each epoch."""
        return Path(f"reports/history/{self.name}.csv")

    @property
    def predictions(self) -> Path:
        """The predicted class and class probabilities of each test image."""
        return Path(f"reports/predictions/{self.name}.csv")

    @property
    def metrics(self) -> Path:
        """The metrics."""
        return Path(f"reports/metrics/{self.name}.json")

    @property
    def seeds(self) -> Path:
        """The study's table of test metrics under each seed."""
        return Path(f"study/results/seeds-{self.name}.csv")


def study_table(kind: str, network: str) -> Path:
    """Return the study's table of a kind, such as `ablation`, for a network."""
    return Path(f"study/results/{kind}-{network}.csv")
