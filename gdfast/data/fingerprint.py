"""The fingerprint of data: a hash of every value, shape and dtype; and a checksum, which takes less time."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdfast._utils.arguments import as_array
from gdfast.data.csr import CSR, is_sparse

__all__ = ["checksum", "fingerprint"]

BLOCK_BYTES = 2**22  # hashed at a time, so that Ctrl-C takes effect soon
WORDS = 2**12  # of 8 bytes, each with a factor of its own
SUMMED_BYTES = 2**18  # summed at a time: what is in the cache is summed at the rate at which it is read


def fingerprint(X: Any, y: Any, sample_weight: Any = None) -> str:
    """Return the fingerprint of training data as it was given."""
    import hashlib  # OpenSSL, which a fit that is not saved can do without

    digest = hashlib.blake2b(digest_size=16)
    for name, values in [*parts_of(X), ("y", y), ("sample_weight", sample_weight)]:
        if values is None:
            digest.update(b"none;")
            continue
        array = as_array(name, values)
        digest.update(f"{array.dtype.str if not array.dtype.hasobject else 'O'}{array.shape};".encode())
        if array.dtype.hasobject or array.dtype.kind == "T":
            digest.update(repr(array.tolist()).encode())
            continue
        rows = array.reshape(1) if array.ndim == 0 else array
        step = max(1, BLOCK_BYTES // max(1, rows[:1].nbytes))
        for first in range(0, len(rows), step):
            digest.update(np.ascontiguousarray(rows[first : first + step]).tobytes())
    return digest.hexdigest()


def checksum(X: Any, y: Any, sample_weight: Any = None) -> str:
    """Return a hash of data that takes little more than reading them: of every value, shape and dtype.

    Words of 8 bytes are multiplied by odd numbers, drawn once, and added modulo 2**64. So any change of one word
    changes the sum, and other data have the same one by chance alone.
    """
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    for name, values in [*parts_of(X), ("y", y), ("sample_weight", sample_weight)]:
        array = None if values is None else as_array(name, values)
        if array is None or array.dtype.kind not in "biuf":
            digest.update(fingerprint((), array).encode())
            continue
        digest.update(f"{array.dtype.str}{array.shape};".encode())
        rows = array.reshape(1) if array.ndim == 0 else array
        step = max(1, SUMMED_BYTES // max(1, rows[:1].nbytes))
        for first in range(0, len(rows), step):
            digest.update(sum_of_words(np.ascontiguousarray(rows[first : first + step])))
    return digest.hexdigest()


def sum_of_words(array: NDArray[Any]) -> bytes:
    """Return sums of the words of an array, each times a number of its own, and the bytes behind the last one."""
    data = array.reshape(-1).view(np.uint8)
    words = data[: len(data) // 8 * 8].view(np.uint64)
    whole = len(words) // WORDS * WORDS
    factors = odd_numbers()
    sums = np.einsum("ij,j->i", words[:whole].reshape(-1, WORDS), factors)
    rest = np.einsum("i,i->", words[whole:], factors[: len(words) - whole])
    return b"".join([sums.tobytes(), rest.tobytes(), data[8 * len(words) :].tobytes()])


@functools.cache
def odd_numbers() -> NDArray[np.uint64]:
    """Return WORDS odd numbers, the same in each process."""
    numbers: NDArray[np.uint64] = np.random.PCG64(0).random_raw(WORDS)
    return numbers | np.uint64(1)


def parts_of(X: Any) -> list[tuple[str, Any]]:
    """Return the arrays that X is made of: one, or those of a Summary, or of a CSR form and its shape."""
    if hasattr(type(X), "_fingerprint_parts"):
        return [("X", part) for part in X._fingerprint_parts()]
    if not is_sparse(X) and not isinstance(X, CSR):
        return [("X", X)]
    stored = X if isinstance(X, CSR) else X.tocsr()
    return [("X", part) for part in (stored.data, stored.indices, stored.indptr, np.array(X.shape))]
