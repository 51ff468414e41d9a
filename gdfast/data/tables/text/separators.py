"""The separator of a text file, recognised from its first lines."""

import re
from collections import Counter
from itertools import islice
from typing import NamedTuple

from gdfast.data.tables.layout import BLANKS
from gdfast.data.tables.numbers import is_missing, is_number_text
from gdfast.data.tables.text.records import QUOTED, records

__all__ = ["recognised_separator"]

# Of two that fit equally well the first is taken. Blanks fit only where all commas are within numbers.
CANDIDATES = ("\t", ";", "|", BLANKS, ",")
MOST_RECORDS = 100  # that are looked at


class Fit(NamedTuple):
    """How well a separator fits; the larger the better."""

    alike: float  # the fraction of the records that have the most frequent number of fields
    numbers: float  # the fraction of numbers among the fields that are not empty, after the first record


def recognised_separator(head: str) -> str | None:
    """Return the separator of the first lines of a text, None where they have one value each.

    Commas are also within text and numbers: another character that parts all records alike, numbers among their
    fields, is preferred.
    """
    fits = {separator: found for separator in CANDIDATES if (found := fit(head, separator)) is not None}
    certain = [separator for separator, (alike, numbers) in fits.items() if separator != "," and alike == 1 and numbers]
    return max(certain or fits, key=fits.__getitem__, default=None)  # the first of several that fit equally well


def fit(head: str, separator: str) -> Fit | None:
    """Return how well a separator fits, None where it does not."""
    if separator == BLANKS and stands_beside_another(head):
        return None
    found = list(islice(records(head, separator), MOST_RECORDS))
    count, often = Counter(map(len, found)).most_common(1)[0]
    fields = [field for record in found[1:] or found for field in record if not is_missing(field)]
    alike, numbers = often / len(found), sum(map(is_number_text, fields)) / max(1, len(fields))
    if separator == BLANKS and (alike <= 1 / 2 or numbers == 0):  # blanks are in text, too
        return None
    return Fit(alike, numbers) if count > 1 else None


def stands_beside_another(head: str) -> bool:
    """Return whether what is between blanks shows that another character is the separator, where it is not quoted."""
    fields = re.sub(QUOTED, "", head).split()
    return any(re.search("[;,|]", field) is not None and not is_number_text(field) for field in fields)
