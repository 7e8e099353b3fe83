"""What a person runs by hand: `python -m tools.NAME`."""
