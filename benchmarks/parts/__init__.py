"""The parts, one file each, see :mod:`benchmarks.part`."""
