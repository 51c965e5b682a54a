"""Minima of a glass over all its trajectories, and the transitions between them."""
