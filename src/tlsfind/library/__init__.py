"""The library of double wells and two-level systems, and its exports."""
