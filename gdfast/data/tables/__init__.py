"""Data files as columns with names: text, Parquet, Arrow, NumPy, JSON and Excel files."""
