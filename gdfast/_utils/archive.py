"""Archives of arrays: .npz files without pickle, with a digest of their contents, read without trust in what they say.

A member's size is known before it is unpacked: from the zip's directory, and from the header of its array. Both must
agree, and all of them together be no larger than the file, since `write_members` does not compress.
"""

import math
from collections.abc import Collection
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import zipfile  # read with the first file: with its codecs it takes a tenth of the first import of fit

__all__ = ["DIGEST", "Arrays", "check_digest", "native", "read_archive", "write_archive"]

Arrays = dict[str, NDArray[Any]]

DIGEST = "digest"  # the name of the member that holds it
ALLOWANCE = 2**26  # bytes that a small file may unpack to, if it was compressed since
READ_BYTES = 2**22  # at a time, so that a large array is not in memory twice
KINDS = "biufcSUMm"  # of the dtypes that a Run is made of
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_archive(file: BinaryIO, arrays: Arrays) -> None:
    """Write arrays to an open file, and the digest of them."""
    write_members(file, {**arrays, DIGEST: np.array(digest_of(arrays))})


def write_members(file: BinaryIO, arrays: Arrays) -> None:
    """Write the bytes that NumPy's `savez` writes.

    Where writing fails the zip is closed before the file is. NumPy 1.26 leaves that to the garbage collector, which
    then prints an error that nobody can catch.
    """
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def digest_of(arrays: Arrays) -> str:
    """Return a hash of every name, shape, dtype and value."""
    import hashlib  # OpenSSL, which a fit that is not saved can do without

    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name};{array.dtype.str}{array.shape};".encode())
        digest.update(as_bytes(np.ascontiguousarray(array).reshape(-1)).data)
    return digest.hexdigest()


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of a one-dimensional array, without a copy."""
    return values.view(np.uint8)


def native(arrays: Arrays) -> Arrays:
    """Return arrays in this machine's byte order; a file may come from another."""
    return {name: array.astype(array.dtype.newbyteorder("="), copy=False) for name, array in arrays.items()}


def check_digest(arrays: Arrays) -> None:
    """Raise an error unless the digest is that of the other arrays."""
    others = {name: array for name, array in arrays.items() if name != DIGEST}
    if DIGEST not in arrays:
        raise ValueError("it lacks the digest of its contents")
    if str(arrays[DIGEST]) != digest_of(others):
        raise ValueError("its contents were changed since it was written: their digest is another")


def read_archive(file: BinaryIO, only: Collection[str] | None = None) -> Arrays:
    """Return the arrays of an open file, or some, the sizes of all being checked before anything is unpacked."""
    import zipfile

    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        check_sizes(members, file.seek(0, 2))
        named = {member.filename.removesuffix(".npy"): member for member in members}
        chosen = named if only is None else {name: named[name] for name in only}
        return {name: read_member(archive, member) for name, member in chosen.items()}


def check_sizes(members: "list[zipfile.ZipInfo]", size: int) -> None:
    """Raise an error where members unpack to more than a file of this size can hold, or share a name."""
    import zipfile

    names = {member.filename for member in members}
    if len(names) < len(members) or not all(name.endswith(".npy") for name in names):
        raise ValueError("its members are not arrays of different names")
    if not {member.compress_type for member in members} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("its members are compressed in a way that gdfast does not use")
    total = sum(member.file_size for member in members)
    if total > max(size, ALLOWANCE):
        raise ValueError(f"it has {size:,} bytes, and would unpack to {total:,}; gdfast does not compress arrays")


def read_member(archive: "zipfile.ZipFile", member: "zipfile.ZipInfo") -> NDArray[Any]:
    """Return one array, whose header must give the size of the member."""
    with archive.open(member) as part:
        version = np.lib.format.read_magic(part)
        if version not in HEADERS:
            raise ValueError(f"the array {member.filename!r} has version {version} of NumPy's format")
        shape, by_columns, dtype = HEADERS[version](part)
        if dtype.kind not in KINDS or dtype.itemsize == 0:
            raise ValueError(f"the array {member.filename!r} has the dtype {dtype}, which no Run has")
        size = math.prod(shape) * dtype.itemsize
        left = member.file_size - part.tell()
        if size != left or min(shape, default=0) < 0:
            raise ValueError(f"the array {member.filename!r} of shape {shape} takes {size:,} bytes, and has {left:,}")
        values = np.empty(math.prod(shape), dtype)
        read_into(as_bytes(values), part)
    return values.reshape(shape, order="F" if by_columns else "C")


def read_into(values: NDArray[np.uint8], part: IO[bytes]) -> None:
    """Read an array's bytes up to the end of a member, whose checksum zipfile compares there."""
    for first in range(0, len(values), READ_BYTES):
        piece = values[first : first + READ_BYTES]
        read = np.frombuffer(part.read(len(piece)), np.uint8)
        if len(read) < len(piece):
            raise ValueError("it ends within an array")
        piece[:] = read
    part.read()
