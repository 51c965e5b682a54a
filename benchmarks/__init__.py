"""What takes how long: every kernel beside its peer, and the whole. ``python -m benchmarks``."""
