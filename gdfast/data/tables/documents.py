"""JSON and Excel files as columns."""

import io
import json
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

from gdfast._utils.arguments import shown
from gdfast.data.tables.header import has_header, names_of_header, unnamed_columns
from gdfast.data.tables.layout import Found
from gdfast.data.tables.objects import array_of_objects
from gdfast.data.tables.source import needed

__all__ = ["is_workbook", "read_excel", "read_json"]

FIRST_RECORDS = 100  # that show whether the first one is a header
Record = Sequence[Any]


def is_workbook(names: Sequence[str]) -> bool:
    """Return whether the members of a zip file are those of an Excel file."""
    return "xl/workbook.xml" in names


def read_excel(data: bytes, header: bool | None) -> Found:
    """Return the columns of the one sheet of a workbook that holds values."""
    openpyxl = needed("openpyxl", ".xlsx files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not read
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheets = {sheet.title: trimmed(list(sheet.iter_rows(values_only=True))) for sheet in book.worksheets}
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"it cannot be read as a table: {error}; is it cut off?") from error
    filled = {title: rows for title, rows in sheets.items() if rows}
    if len(filled) != 1:
        which = f"several sheets with values ({', '.join(map(repr, filled))})" if filled else "no values"
        raise ValueError(f"it has {which}; save one sheet as a file of its own, .csv or .xlsx")
    return of_records(next(iter(filled.values())), header)


def trimmed(rows: list[Record]) -> list[Record]:
    """Return the rows of a sheet without the empty rows and columns around its values."""
    used = [row for row, values in enumerate(rows) if not is_empty(values)]
    if not used:
        return []
    rows = rows[used[0] : used[-1] + 1]
    places = [place for row in rows for place, value in enumerate(row) if not is_empty([value])]
    first, last = min(places), max(places)
    return [(*row[first : last + 1], *[None] * (last + 1 - max(first, len(row)))) for row in rows]


def is_empty(values: Record) -> bool:
    """Return whether there is no value among these."""
    return all(value is None or value == "" for value in values)


def of_records(records: list[Record], header: bool | None) -> Found:
    """Return columns from equally long records, the first of which may be a header."""
    if has_header(records[0], records[1 : FIRST_RECORDS + 1]) if header is None else header:
        names = names_of_header(records[0])
        return of_columns(names, list(zip(*records[1:], strict=True)))._replace(unnamed=unnamed_columns(names))
    return of_columns(list(map(str, range(len(records[0])))), list(zip(*records, strict=True)))._replace(numbered=True)


def of_columns(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Found:
    """Return columns of objects as what a file holds."""
    if not columns or not len(columns[0]):
        raise ValueError("it holds no rows; give a file that has some")
    return Found(
        tuple(names), lambda places, _: [array_of_objects(names[place], list(columns[place])) for place in places]
    )


def read_json(text: str) -> Found:
    """Return the columns of JSON: a list of objects or of lists, one object a line, or an object of columns."""
    try:
        value = json.loads(text, object_pairs_hook=distinct)
    except json.JSONDecodeError as error:
        value = read_lines(text, error)
    if isinstance(value, dict):
        if value and not any(isinstance(column, (list, dict)) for column in value.values()):
            value = [value]  # one row
        else:
            return of_json_columns(value)
    if not isinstance(value, list) or not value:
        raise ValueError("it holds no rows; JSON must be a list of objects, one object a line, or an object of lists")
    if all(isinstance(row, dict) for row in value):
        return of_objects(value)
    if not all(isinstance(row, list) for row in value):
        raise ValueError('its JSON is no list of objects, or of lists; write a row as {"name": value, ...}')
    for number, row in enumerate(value, 1):
        if len(row) != len(value[0]):
            raise ValueError(f"row {number} has {len(row)} fields, and the first row {len(value[0])}; correct the row")
    return of_records(value, None)


def read_lines(text: str, whole: json.JSONDecodeError) -> list[Any]:
    """Return the values of JSON that has one on each line."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line, object_pairs_hook=distinct))
        except json.JSONDecodeError as error:
            reason = f"row {number} is not JSON: {error}" if number > 1 else f"it is not JSON: {whole}"
            raise ValueError(reason + "; correct the file there, or write it again") from error
    return rows


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, each name of which must be there once."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the name {duplicate!r} more than once in one object; rename one of them")
    return made


def of_objects(rows: list[dict[str, Any]]) -> Found:
    """Return columns from objects that have the same names."""
    names = list(rows[0])
    for number, row in enumerate(rows, 1):
        if row.keys() != rows[0].keys():
            other = next(iter(row.keys() ^ rows[0].keys()))
            where = "has" if other in row else "lacks"
            raise ValueError(
                f"row {number} {where} the name {other!r}, and the first row does not; give all rows the same"
            )
    return of_columns([name.strip() for name in names], [[row[name] for row in rows] for name in names])


def of_json_columns(value: dict[str, Any]) -> Found:
    """Return columns from an object of lists, or of objects by row as pandas writes them."""
    columns = [list(column.values()) if isinstance(column, dict) else column for column in value.values()]
    for name, column in zip(value, columns, strict=True):
        if not isinstance(column, list) or len(column) != len(columns[0]):
            raise ValueError(f"column {name!r} is {shown(column)}, and must be a list as long as the others")
    rows = [list(column) for column in value.values() if isinstance(column, dict)]
    if any(one != rows[0] for one in rows):
        raise ValueError("its columns have other rows each; give all columns the same rows, in one order")
    return of_columns([name.strip() for name in value], columns)
