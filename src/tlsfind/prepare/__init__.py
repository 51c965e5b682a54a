"""Prepare glasses: equilibrate by molecular dynamics and particle swaps, then cool."""
