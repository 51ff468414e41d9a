"""The error of a store of runs."""

__all__ = ["StoreError"]


class StoreError(ValueError):
    """Error that a store of runs cannot be used, or a run in it cannot be read.

    The message names the file, what is wrong with it and what to try. What the file holds stays as it is.

    Examples
    --------
    >>> import gdfast, os, tempfile
    >>> from gdfast.sweeps.store import open_store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "notes.txt")
    ...     with open(path, "w") as file:
    ...         _ = file.write("a text, and no store of runs")
    ...     try:
    ...         store = open_store(path)
    ...     except gdfast.StoreError as error:
    ...         print(str(error).replace(folder, "FOLDER"))
    'FOLDER/notes.txt' is not a store of runs: it is no SQLite file; give another path
    """
