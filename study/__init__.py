"""The study: how runs depend on the seed, and what each technique is worth. See dvc.yaml."""

import dask

import stages  # noqa: F401, because it pins the numerics, before numpy or torch load

# Dask has its workers give memory back at once; then every step of a training asks for it anew.
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})
