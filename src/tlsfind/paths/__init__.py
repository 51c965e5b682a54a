"""Minimum-energy paths between minima, double wells, and their quantum splitting."""
