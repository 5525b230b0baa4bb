"""Generic search in numpy and Numba; it knows nothing quantum."""
