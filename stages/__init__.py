"""The stages of the pipeline, as dvc.yaml runs them. This file holds no code: see core."""
