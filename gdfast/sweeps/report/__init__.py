"""The runs of a store to look at: one page of HTML with their curves, and a Parquet file."""
