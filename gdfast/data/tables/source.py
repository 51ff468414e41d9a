"""The bytes of a data file: read from a path or standard input, decompressed, and recognised by how they begin."""

import os
import sys
from typing import Any

from gdfast._utils.arguments import shown

__all__ = ["decompressed", "kind_of", "name_of", "needed", "read_bytes"]

STANDARD_INPUT = "-"
# How a file begins, whatever it is called.
BEGINNINGS = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"FEA1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma", b"\x28\xb5\x2f\xfd": "zstd"}
OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls); save it as .xlsx or .csv",
    b"\x89HDF": "an HDF5 file; write its table as .csv or .parquet",
    b"SQLite format 3": "an SQLite database; write its table as .csv or .parquet",
    b"%PDF": "a PDF document; write its table as .csv",
    b"Rar!": "a .rar archive; unpack it",
    b"7z\xbc\xaf": "a .7z archive; unpack it",
    b"ORC": "an ORC file; write its table as .parquet",
    b"\x89PNG": "a picture; write its numbers as .csv",
    b"<?xml": "an XML document; write its table as .csv",
    b"<!DOCTYPE": "a web page, not the data that it links; download the file itself",
    b"<html": "a web page, not the data that it links; download the file itself",
}
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


def name_of(path: Any) -> str:
    """Return a path as text, exactly as given."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"path={shown(path)} is a {type(path).__name__}, and must be a path; give a str or a pathlib.Path, or "
            '"-" for standard input'
        )
    return os.fsdecode(path)


def read_bytes(name: str) -> bytes:
    """Return the bytes of a file, of standard input for "-"."""
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if os.path.isdir(name):
        raise IsADirectoryError(f"{name!r} is a folder; name a data file in it")
    if not os.path.exists(name):
        raise FileNotFoundError(f"there is no file {name!r}; give the path of an existing file")
    with open(name, "rb") as file:
        return file.read()


def decompressed(data: bytes) -> bytes:
    """Return the bytes without the compression that they begin with."""
    for beginning, method in COMPRESSED.items():
        if data.startswith(beginning):
            try:
                return decompressed(by_method(method, data))
            except (OSError, EOFError, ValueError, ArithmeticError) as error:
                raise ValueError(f"it is not a whole {method} file ({error}); is it cut off?") from error
            except Exception as error:  # zlib.error and lzma.LZMAError have no common base
                if type(error).__name__ not in ("error", "LZMAError"):
                    raise
                raise ValueError(f"it is not a whole {method} file ({error}); is it cut off?") from error
    return data


def by_method(method: str, data: bytes) -> bytes:
    """Return decompressed bytes."""
    if method == "zstd":
        pa = needed("pyarrow", ".zst files")
        return bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read())
    from importlib import import_module

    result: bytes = import_module(method).decompress(data)
    return result


def kind_of(name: str, data: bytes) -> str:
    """Return what a file holds: "text" where it begins as no other kind does."""
    for beginning, kind in BEGINNINGS.items():
        if data.startswith(beginning):
            return kind
    head = data[:64].lstrip()
    for beginning, what in OTHERS.items():
        if head.lower().startswith(beginning.lower()):
            raise ValueError(f"it is {what}")
    if data[:1] == b"\x80" and data[1:2] in b"\x02\x03\x04\x05":
        raise ValueError("it is a pickle, which gdfast never opens; write the data as .npy, .csv or .parquet")
    suffix = os.path.splitext(without_compression(name))[1].lower()
    if suffix in (".parquet", ".pq", ".feather", ".arrow", ".npy", ".npz", ".xlsx"):
        raise ValueError(
            f"it cannot be read as a table: it does not begin as a {suffix} file does; is it cut off, or of another "
            "kind?"
        )
    if suffix in JSON_SUFFIXES or head[:1] == b"{" or head[:2] in (b"[{", b"[["):
        return "json"
    return "text"


def without_compression(name: str) -> str:
    """Return a file's name without the suffix of its compression."""
    return name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".zst")


def needed(package: str, what: str) -> Any:
    """Import a library, or raise ImportError that says how to install it."""
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        top = package.partition(".")[0]
        raise ImportError(f'{what} need {top}; pip install {top}, or pip install "gdfast[cli]"') from error
