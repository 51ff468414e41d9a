"""The loop: epochs one by one, in chunks through the kernels of a backend."""
