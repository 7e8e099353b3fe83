"""The stages of the pipeline: `python -m stages.NAME`. This file holds no code: see core."""
