"""From what users pass to a checked problem: arrays, sparse rows, the order of samples, the fingerprint."""
