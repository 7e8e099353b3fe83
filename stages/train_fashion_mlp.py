"""Train the network of problem 4 on FashionMNIST."""

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from stages.lib import datasets
from stages.lib.artifacts import Run, replacing
from stages.lib.evaluation import History, loss_and_accuracy
from stages.lib.fashion_mlp import FashionMLP, log_probabilities, to_input
from stages.lib.params import FashionMLPRecipe, load_params
from stages.lib.stage import run_stage


def main(recipe: str) -> None:
    """Train fashion_mlp by RECIPE, a block in params.yaml."""
    run = Run("fashion_mlp", recipe)
    params = load_params().recipe(run)
    device = choose_device(params.device)
    images, labels = datasets.load(run.dataset, "train")
    test_images, test_labels = datasets.load(run.dataset, "t10k")
    inputs, targets = to_input(images).to(device), torch.from_numpy(labels).to(device)
    test_inputs = to_input(test_images).to(device)

    torch.manual_seed(params.seed)
    classes = len(datasets.CLASSES[run.dataset])
    network = FashionMLP([inputs.shape[1], *params.hidden_sizes, classes]).to(device)
    optimizer = make_optimizer(network, params)
    generator = torch.Generator().manual_seed(params.seed)

    history = History(run)
    untrained_loss, _ = loss_and_accuracy(log_probabilities(network, inputs), labels)
    history.append(
        untrained_loss, *loss_and_accuracy(log_probabilities(network, test_inputs), test_labels)
    )
    for _ in tqdm(range(params.epochs), desc=run.name, unit="epoch"):
        train_loss = train_epoch(network, optimizer, inputs, targets, params.batch_size, generator)
        history.append(
            train_loss, *loss_and_accuracy(log_probabilities(network, test_inputs), test_labels)
        )
    with replacing(run.model) as partial:
        network.cpu().save(partial)


def choose_device(device: str) -> torch.device:
    """`cpu`, or with `auto` Apple's MPS if there, else CUDA, else the CPU."""
    if device == "auto" and torch.backends.mps.is_available():
        return torch.device("mps")
    if device == "auto" and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def make_optimizer(network: FashionMLP, params: FashionMLPRecipe) -> torch.optim.Optimizer:
    """The optimizer that the recipe names."""
    if params.optimizer == "adam":
        # fused: the default form takes its square roots from MKL, where processors differ.
        return torch.optim.Adam(
            network.parameters(),
            lr=params.learning_rate,
            weight_decay=params.weight_decay,
            fused=True,
        )
    return torch.optim.SGD(
        network.parameters(),
        lr=params.learning_rate,
        momentum=params.momentum,
        weight_decay=params.weight_decay,
    )


def train_epoch(
    network: FashionMLP,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    batch_size: int,
    generator: torch.Generator,
) -> float:
    """Take one pass over all images in an order that `generator` draws.

    `inputs` has shape (n, pixels), `targets` (n,). Returns the mean loss over the images, each
    taken when its batch was trained on.
    """
    total = 0.0
    order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    for batch in order.split(batch_size):
        loss = cross_entropy(network(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(inputs)


if __name__ == "__main__":
    run_stage(main)
