"""Check params.yaml, all of it."""

from stages.lib.params import load_params
from stages.lib.stage import run_stage


def main() -> None:
    """Name every value in params.yaml that is unknown, missing or impossible."""
    load_params()


if __name__ == "__main__":
    run_stage(main)
