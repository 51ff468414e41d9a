"""How a text file is laid out, as it is given or to be recognised: header, separator, decimal mark, encoding."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from gdfast._utils.arguments import choice, shown

__all__ = ["BLANKS", "SENTENCES", "Convert", "Found", "Layout", "make_layout"]

BLANKS = " "  # the separator that stands for any number of blanks and tabs
NAMES_OF_SEPARATORS = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "blank": BLANKS, "blanks": BLANKS}
# What each option is, for the command line's help.
SENTENCES = {
    "header": "Whether the first line has the names of the columns; recognised unless given.",
    "separator": 'The character between values: ",", ";", "tab", "blank" for blanks; recognised unless given.',
    "decimal": 'The decimal mark, "." or ",", the other one being for thousands; recognised where it is certain.',
    "encoding": "The text encoding, such as latin-1 or utf-16; recognised unless given.",
    "columns": "Read these columns only.",
    "drop": "Leave these columns out.",
}


# From the places of columns, and those of them that are taken as text where the file has no types, to their arrays.
Convert = Callable[[list[int], set[int]], list[NDArray[Any]]]


class Layout(NamedTuple):
    """The layout of a text file; None is recognised."""

    header: bool | None = None
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None


class Found(NamedTuple):
    """What a file holds, before its columns are chosen and converted."""

    names: tuple[str, ...]
    convert: Convert
    unnamed: tuple[str, ...] = ()  # columns that are the index of a data frame, or have no name of their own
    numbered: bool = False  # whether the names are the numbers of the columns


def make_layout(header: Any, separator: Any, decimal: Any, encoding: Any) -> Layout:
    """Return the layout that is given, checked."""
    if header is not None and not isinstance(header, bool):
        raise TypeError(f"header={shown(header)} must be True, False or None")
    if separator is not None:
        separator = checked_separator(separator)
    if decimal is not None:
        decimal = choice("decimal", decimal, (".", ","))
    if decimal is not None and decimal == separator:
        raise ValueError(f"decimal={decimal!r} and separator={separator!r} are the same; give another one of them")
    if encoding is not None:
        encoding = checked_encoding(encoding)
    return Layout(header, separator, decimal, encoding)


def checked_separator(separator: Any) -> str:
    """Return a separator as one character."""
    if not isinstance(separator, str):
        raise TypeError(f'separator={shown(separator)} must be one character, such as ";"')
    character: str = NAMES_OF_SEPARATORS.get(separator, separator)
    if len(character) != 1 or not character.isascii() or character.isalnum() or character in '"\n\r.+-':
        raise ValueError(
            f'separator={separator!r} must be one character that is no part of a number, such as ",", ";", "\\t" or " "'
        )
    return character


def checked_encoding(encoding: Any) -> str:
    """Return an encoding that Python knows."""
    if not isinstance(encoding, str):
        raise TypeError(f'encoding={shown(encoding)} must be a name, such as "utf-8"')
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError, ValueError):
        raise ValueError(
            f'encoding={encoding!r} is not known; give a name such as "utf-8", "utf-16" or "latin-1"'
        ) from None
    return encoding
