"""The study: a search for recipes, and runs under many seeds, variants and kernels."""
