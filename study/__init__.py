"""The study: a search for recipes, and runs under many seeds, variants and kernels."""

import sys

try:
    import dask  # noqa: F401, because it reads a user's settings
except ValueError as error:
    sys.exit(f"error: {' '.join(str(error).split())}")
