"""Dask's arrays and data frames as blocks of rows: computed here, or where they are on a cluster."""
