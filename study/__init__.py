"""The study: how runs depend on the seed, and what each technique contributes."""
