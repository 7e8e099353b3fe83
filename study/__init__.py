"""The study: how runs depend on the seed, and what each technique is worth. See dvc.yaml."""

import dask

import stages  # noqa: F401, because it pins the numerics, before numpy or torch load

# By default Dask's workers return freed memory at once, so that each step of a training asks for it
# anew. None leaves that to the C library.
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})
