"""Many configurations of one fit: the store that keeps their runs, and the report on it."""
