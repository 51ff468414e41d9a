"""Numbers as text: which are one for certain, with a decimal point or a decimal comma, with or without thousands."""

import re
from typing import Any, NamedTuple

__all__ = [
    "AMBIGUOUS",
    "COMMA",
    "INFINITE",
    "INTEGER",
    "MISSING",
    "POINT",
    "REMEDY",
    "STYLES",
    "TRUE_OR_FALSE",
    "Style",
    "is_missing",
    "is_number_text",
    "is_value",
]

# What to do about a value that is missing or infinite.
REMEDY = "fill it, leave the row out, or drop the column"
# What stands for no value in a column of numbers, in lower case. In a column of text only "" does.
MISSING = ("", "na", "n/a", "#n/a", "nan", "-nan", "<na>", "null", "none", "nil", "?", "-", "--", ".", "..", "#div/0!",
           "#value!", "#ref!", "#name?", "#num!", "#null!")  # fmt: skip
TRUE_OR_FALSE = ("true", "false")

SIGN = "[+\\-\u2212]?"
EXPONENT = r"(?:[eE][+\-]?[0-9]+)?"
BLANK, APOSTROPHE = "[ \u00a0\u2009\u202f]", "['\u2019]"
INTEGER = r"[+-]?[0-9]+"
INFINITE = SIGN + "(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|\u221e)"
# One comma or point before three digits: thousands, or a decimal mark.
AMBIGUOUS = rf"{SIGN}[1-9][0-9]{{0,2}}[.,][0-9]{{3}}"
DATE = r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[ T].*)?|[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?"


class Style(NamedTuple):
    """A way to write numbers: its decimal mark, and the other mark, which may stand between thousands."""

    name: str
    mark: str
    other: str

    @property
    def number(self) -> str:
        """The regular expression of a number in this style."""
        mark, other = f"[{self.mark}]", f"[{self.other}]"
        ends = "[0-9]*" if self.mark == "." else "[0-9]+"  # "1." is written by programs, "1," by nobody
        groups = "|".join(f"(?:{one}[0-9]{{3}})+" for one in (other, BLANK, APOSTROPHE))
        fortran = rf"(?:[0-9]+{mark}{ends}|{mark}[0-9]+)[dD][+\-][0-9]+"
        plain = rf"(?:[0-9]+(?:{mark}{ends})?|{mark}[0-9]+){EXPONENT}"
        return rf"{SIGN}(?:{plain}|{fortran}|[1-9][0-9]{{0,2}}(?:{groups})(?:{mark}{ends})?)"

    @property
    def certain_thousands(self) -> str:
        """The regular expression of a number in which the other mark can be for thousands only."""
        return rf"{SIGN}[1-9][0-9]{{0,2}}(?:(?:[{self.other}][0-9]{{3}}){{2,}}|[{self.other}][0-9]{{3}}[{self.mark}]).*"

    @property
    def between(self) -> str:
        """The regular expression of what stands between thousands."""
        return f"[{self.other}]|{BLANK}|{APOSTROPHE}"


POINT, COMMA = Style("point", ".", ","), Style("comma", ",", ".")
STYLES = {".": POINT, ",": COMMA}
NUMBER = "|".join(f"(?:{style.number})" for style in STYLES.values())
NO_NAME = f"{INFINITE}|{DATE}"


def is_missing(text: Any) -> bool:
    """Return whether a text stands for no value."""
    return text is None or (isinstance(text, str) and text.strip().lower() in MISSING)


def is_number_text(text: Any) -> bool:
    """Return whether a text is a number in one of the styles."""
    return isinstance(text, str) and re.fullmatch(NUMBER, text.strip()) is not None


def is_value(text: Any) -> bool:
    """Return whether a text is a number, a date, true or false: what is no name of a column."""
    if not isinstance(text, str):
        return text is not None
    text = text.strip()
    return is_number_text(text) or text.lower() in TRUE_OR_FALSE or re.fullmatch(NO_NAME, text) is not None
