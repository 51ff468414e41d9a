"""The separator of a text file, recognised from its first lines."""

import re
from collections import Counter
from itertools import islice
from typing import NamedTuple

from gdfast.data.tables.layout import BLANKS
from gdfast.data.tables.numbers import is_missing, is_number_text
from gdfast.data.tables.text.records import records

__all__ = ["recognised_separator"]

CANDIDATES = ("\t", ";", "|", ",", BLANKS)  # of two that fit equally well the first is taken
MOST_RECORDS = 100  # that are looked at


class Fit(NamedTuple):
    """How well a separator fits; the larger the better."""

    alike: float  # the fraction of the records that have the most frequent number of fields
    numbers: float  # the fraction of numbers among the fields that are not empty, after the first record


def recognised_separator(head: str) -> str | None:
    """Return the separator of the first lines of a text, None where they have one value each."""
    fits = {candidate: fit(head, candidate) for candidate in CANDIDATES}
    best: str | None = None
    for candidate, found in fits.items():
        if found is not None and (best is None or found > (fits[best] or found)):
            best = candidate
    return best


def fit(head: str, separator: str) -> Fit | None:
    """Return how well a separator fits, None where it does not."""
    found = list(islice(records(head, separator), MOST_RECORDS))
    count, often = Counter(map(len, found)).most_common(1)[0]
    if count < 2:
        return None
    fields = [field for record in found[1:] or found for field in record if not is_missing(field)]
    if separator == BLANKS and any(stands_beside_another(field) for field in fields):
        return None
    numbers = sum(map(is_number_text, fields)) / max(1, len(fields))
    return None if separator == BLANKS and numbers == 0 else Fit(often / len(found), numbers)  # blanks are in text, too


def stands_beside_another(field: str) -> bool:
    """Return whether a field between blanks shows that another character is the separator."""
    return re.search("[;,|]", field) is not None and not is_number_text(field)
