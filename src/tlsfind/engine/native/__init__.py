"""The native engine: Numba kernels for polydisperse soft spheres."""
