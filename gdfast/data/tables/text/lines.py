"""The text of a data file: its encoding, its lines, and its comments."""

import codecs
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Lines", "Text", "decoded", "make_text"]

# The longest marks first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
HEAD = 4096  # bytes that show whether text is in UTF-16
# Excel's first line that names the separator.
DIRECTIVE = re.compile(r'"?sep=([^\n])"?\n', re.IGNORECASE)
COMMENT = "#"
QUOTE = '"'
BLANK = (" ", "\t", "\xa0")


class Text(NamedTuple):
    """Text whose lines end with a line feed, its comments apart."""

    rows: str  # the last line ends so, too; lines of blanks alone are empty
    last_comment: str  # the comment just above the first row, or ""
    comments: list[tuple[int, str]]  # those further below, each with the number of lines above it
    separator: str | None  # that Excel's first line names


def decoded(data: bytes, encoding: str | None) -> str:
    """Return the text of a file in an encoding, or in the one that its bytes show."""
    for mark, of_mark in MARKS.items():
        if data.startswith(mark):
            return decode(data[len(mark) :], encoding if encoding and not is_unicode(encoding) else of_mark)
    if encoding is not None:
        return decode(data, encoding)
    if b"\0" in data[:HEAD]:
        return decode(data, utf_16_without_mark(data[:HEAD]))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return windows_1252(data)


def windows_1252(data: bytes) -> str:
    """Return text of Western Europe; the few bytes that Windows-1252 leaves open are Latin-1's."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def is_unicode(encoding: str) -> bool:
    """Return whether a mark at the beginning says more than the name of an encoding."""
    return codecs.lookup(encoding).name.startswith("utf")


def decode(data: bytes, encoding: str) -> str:
    """Return text in an encoding, all of which must be valid."""
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line} is not valid {encoding}; give another encoding=") from None


def utf_16_without_mark(head: bytes) -> str:
    """Return which UTF-16 text is in, by where its zero bytes are."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and even == 0:
        return "utf-16-le"
    if even > len(head) // 4 and odd == 0:
        return "utf-16-be"
    raise ValueError(
        "it is no text (there are zero bytes in it), nor a kind of file that is known; give text or .parquet"
    )


def make_text(text: str) -> Text:
    """Return the lines of a text without blank ones, its comments apart."""
    text = text.rstrip("\x1a").replace("\r\n", "\n").replace("\r", "\n")
    if any(f"\n{blank}" in text for blank in BLANK) or text.startswith(BLANK):
        text = re.sub(rf"^[{''.join(BLANK)}]+$", "", text, flags=re.MULTILINE)
    text = text.strip("\n") + "\n"
    named = DIRECTIVE.match(text)
    if named:
        text = text[named.end() :].lstrip("\n")
    separator = named[1] if named else None
    if COMMENT not in text or not re.search(rf"^[ \t]*{COMMENT}", text, re.MULTILINE):
        return Text(text, "", [], separator)
    return without_comments(text, separator)


def without_comments(text: str, separator: str | None) -> Text:
    """Return the lines of a text, its comments apart."""
    kept: list[str] = []
    last, comments = "", []
    for line, in_quotes in Lines(text):
        if in_quotes or not line.lstrip().startswith(COMMENT):
            if line.strip():
                kept.append(line)
        elif kept:
            comments.append((len(kept), line))
        else:
            last = line
    return Text("\n".join([*kept, ""]), last, comments, separator)


class Lines:
    """The lines of a text, each with whether it begins within quotes."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        odd = accumulate((line.count(QUOTE) % 2 for line in self.lines), lambda a, b: a ^ b, initial=0)
        return ((line, bool(within)) for line, within in zip(self.lines, odd, strict=False))
