"""The study: how runs depend on the seed, and what each technique is worth. See dvc.yaml."""

import stages  # noqa: F401, because it pins the numerics, before numpy or torch load
