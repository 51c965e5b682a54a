"""Features of all pairs of minima of a glass."""
