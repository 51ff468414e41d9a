"""The Numba backend's jitted functions, a subject a file: to it what src/ is to the compiled core."""
