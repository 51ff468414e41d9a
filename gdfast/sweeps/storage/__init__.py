"""What the store is made of: its SQLite file, the columns of a row, and a Run as bytes."""
