"""Data files that were damaged: read_table returns what is in them, or raises a ValueError of one sentence.

A changed text is read a second time by the plainest of parsers: where read_table gives numbers, they are those.
"""

import csv
import io
import os
import tempfile

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import gdfast

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
DRAWS = os.environ.get("GDFAST_FUZZ")  # so many, at random; by default a few, the same ones each time
FUZZ = settings(
    max_examples=int(DRAWS or 150), derandomize=not DRAWS, deadline=None, database=None, print_blob=True,
    phases=(Phase.generate, Phase.shrink),
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-(2**62), 2**62),
    st.integers(-9, 99),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-10, 10),
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=8)
)
SEPARATORS = st.sampled_from([",", ";", "\t", "|"])
NAMES = ["size", "rooms", "price", "year"]


def text_of(rows, separator):
    lines = [NAMES[: len(rows[0])], *([repr(value) for value in row] for row in rows)]
    return "\n".join(separator.join(line) for line in lines) + "\n"


def read(content, name="f.csv", **options):
    """Return the columns of a file of these bytes, or None where it is refused as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        try:
            return gdfast.read_table(path, **options).columns
        except ValueError as error:
            text = str(error)
            assert name in text
            assert "\n" not in text
            assert len(text) < 500
            return None


def assert_holds(columns, rows):
    for column, values in zip(columns.values(), zip(*rows, strict=True), strict=True):
        if all(isinstance(value, int) for value in values):
            assert column.tolist() == list(values)
        else:
            assert column.astype(float).tolist() == [float(value) for value in values]


@given(TABLES, SEPARATORS)
@FUZZ
def test_text_as_it_was_written(rows, separator):
    columns = read(text_of(rows, separator).encode(), header=True, decimal=".", separator=separator)
    assert list(columns) == NAMES[: len(rows[0])]
    assert_holds(columns, rows)


@given(TABLES, SEPARATORS)
@FUZZ
def test_text_recognised_is_what_was_written_or_refused(rows, separator):
    columns = read(text_of(rows, separator).encode())
    if columns is not None:
        assert list(columns) == NAMES[: len(rows[0])]
        assert_holds(columns, rows)


@given(TABLES, SEPARATORS, st.data())
@FUZZ
def test_a_field_more_or_less_is_refused(rows, separator, data):
    lines = text_of(rows, separator).splitlines()
    k = data.draw(st.integers(1, len(lines) - 1))
    fields = lines[k].split(separator)
    change = data.draw(st.sampled_from(["more", "less"] if len(fields) > 1 else ["more"]))
    place = data.draw(st.integers(0, len(fields) - 1))
    fields = fields[:place] + (["7"] if change == "more" else []) + fields[place + (change == "less") :]
    if change == "more":
        fields = [*lines[k].split(separator), "7"]
    lines[k] = separator.join(fields)
    options = {"header": True, "decimal": ".", "separator": separator}
    assert read("\n".join(lines).encode(), **options) is None


@given(TABLES, SEPARATORS, st.data())
@FUZZ
def test_changed_bytes_of_text_are_read_as_they_stand(rows, separator, data):
    content = bytearray(text_of(rows, separator).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        change = data.draw(st.sampled_from(["flip", "remove", "insert", "cut"]))
        if change == "flip":
            content[at] = data.draw(st.integers(0, 255))
        elif change == "remove" and len(content) > 1:
            del content[at]
        elif change == "insert":
            content.insert(at, data.draw(st.sampled_from(list(b'0123456789.,;-+eE"\n\r\t |#\x00\xff'))))
        elif at > 0:
            del content[at:]
    check_as_it_stands(bytes(content), separator)


def check_as_it_stands(content, separator):
    """Hold the numbers of a file against csv.reader and float."""
    columns = read(content, header=True, decimal=".", separator=separator)
    if columns is None or b"#" in content:  # a comment
        return
    text = content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "latin-1")
    lines = [
        line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(map(str.strip, line))
    ]
    for j, (name, column) in enumerate(columns.items()):
        if column.dtype.kind not in "iuf":
            continue
        for row, value in enumerate(column.tolist(), 1):
            stands = number(lines[row][j])
            stands = float(stands) if column.dtype.kind == "f" else stands
            assert value == stands, (content, name, row)


def number(field):
    """Return the number that a field stands for, thousands and Fortran's exponents included."""
    plain = field.strip().strip('"').upper().replace("D", "E")
    for mark in (",", " ", "'", "\xa0"):
        plain = plain.replace(mark, "")
    try:
        return int(plain)
    except ValueError:
        return float(plain)


@given(TABLES, st.data())
@FUZZ
def test_changed_bytes_of_parquet_are_refused_or_harmless(rows, data):
    columns = {name: [float(row[j]) for row in rows] for j, name in enumerate(NAMES[: len(rows[0])])}
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer, compression="none")
    content = bytearray(buffer.getvalue())
    assert {name: column.tolist() for name, column in read(bytes(content), "f.parquet").items()} == columns
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    found = read(bytes(content), "f.parquet")
    if found is not None:
        assert all(np.isfinite(column).all() for column in found.values() if column.dtype.kind == "f")
