"""Data in blocks of rows, which need not fit into memory together: their sources, their checks, and reading ahead."""
