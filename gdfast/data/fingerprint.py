"""The fingerprint of data: a hash of every value, shape and dtype."""

from typing import Any

import numpy as np

from gdfast._utils.arguments import as_array
from gdfast.data.csr import CSR, is_sparse

__all__ = ["fingerprint"]

BLOCK_BYTES = 2**22  # hashed at a time, so that Ctrl-C takes effect soon


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


def parts_of(X: Any) -> list[tuple[str, Any]]:
    """Return the arrays that X is made of: one, or those of a Summary, or of a CSR form and its shape."""
    if hasattr(type(X), "_fingerprint_parts"):
        return [("X", part) for part in X._fingerprint_parts()]
    if not is_sparse(X) and not isinstance(X, CSR):
        return [("X", X)]
    stored = X if isinstance(X, CSR) else X.tocsr()
    return [("X", part) for part in (stored.data, stored.indices, stored.indptr, np.array(X.shape))]
