"""Files whose columns have types: Parquet, Feather, Arrow and Excel."""

import datetime
import decimal

import numpy as np
import pytest

import gdfast

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")

TYPES = {
    "integers": (pa.array([1, 3], pa.int8()), [1, 3]),
    "floats": (pa.array([0.5, 3], pa.float32()), [0.5, 3.0]),
    "half floats": (pa.array(np.array([0.5, 3], np.float16)), [0.5, 3.0]),
    "unsigned integers": (pa.array([1, 2**64 - 1], pa.uint64()), [1, 2**64 - 1]),
    "decimals": (pa.array([decimal.Decimal("1.25"), decimal.Decimal("-3.10")]), [1.25, -3.1]),
    "large decimals": (
        pa.array([decimal.Decimal("1.25"), None], pa.decimal256(50, 2)).fill_null(decimal.Decimal("2.00")),
        [1.25, 2.0],
    ),
    "bool": (pa.array([True, False]), [True, False]),
    "text": (pa.array(["x", "y"]), ["x", "y"]),
    "long text": (pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
    "a dictionary of text": (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
    "a dictionary of numbers": (pa.array([7, 9]).dictionary_encode(), [7, 9]),
}


@pytest.fixture(params=["parquet", "feather", "feather, uncompressed", "arrow", "arrow stream"])
def write(request, tmp_path):
    """Return a function that writes a table as one of the kinds of files, and returns its path."""

    def to(table):
        path = tmp_path / ("t." + request.param.split()[0].rstrip(","))
        if request.param == "parquet":
            parquet.write_table(table, path)
        elif request.param.startswith("feather"):
            feather.write_feather(table, str(path), compression="uncompressed" if "," in request.param else None)
        else:
            make = pa.ipc.new_file if request.param == "arrow" else pa.ipc.new_stream
            with make(str(path), table.schema) as writer:
                writer.write_table(table)
        return path

    return to


@pytest.mark.parametrize("kind", TYPES)
def test_types(write, kind):
    column, values = TYPES[kind]
    try:
        path = write(pa.table({"a": column, " b ": [1, 2]}))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        pytest.skip("this type cannot be written to this kind of file")
    table = gdfast.read_table(path)
    assert table.names == ("a", "b")
    assert table["a"].tolist() == values
    assert gdfast.read_table(path, drop="a").names == ("b",)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pa.array([1, 2, None]), r"column 'a' has no finite number in row 3 \(null\)"),
        (pa.array([1.0, np.nan, 2.0]), "column 'a' has no finite number in row 2"),
        (pa.array([1.0, 2.0, np.inf]), "column 'a' has no finite number in row 3"),
        (pa.array(["x", None, "y"]).dictionary_encode(), "column 'a' has no finite number in row 2"),
        (pa.array([None, None, None]), "column 'a' has no finite number in row 1"),
    ],
)
def test_missing_values_are_refused_unless_dropped(write, column, sentence):
    path = write(pa.table({"a": column, "b": [1, 2, 3]}))
    with pytest.raises(ValueError, match=sentence):
        gdfast.read_table(path)
    assert gdfast.read_table(path, columns=["b"])["b"].tolist() == [1, 2, 3]


def test_dates_and_lists_are_no_features(write):
    dates = pa.array([datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)])
    table = gdfast.read_table(write(pa.table({"a": dates, "y": [1, 2]})))
    with pytest.raises(ValueError, match=r"column 'a' does not hold numbers only .they are datetime64"):
        gdfast.fit(table, "y")
    table = gdfast.read_table(write(pa.table({"a": [[1, 2], [3]], "y": [1, 2]})))
    with pytest.raises(ValueError, match="column 'a' does not hold numbers only"):
        gdfast.fit(table, "y")


def test_no_rows_and_names_twice(write):
    with pytest.raises(ValueError, match="holds no rows"):
        gdfast.read_table(write(pa.table({"a": pa.array([], pa.int64())})))
    with pytest.raises(ValueError, match="columns 1 and 2 both have the name 'a'"):
        gdfast.read_table(write(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a "])))


def test_the_index_of_a_data_frame_is_no_feature_unawares(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "y": [3, 4]}, index=[5, 6])
    frame.to_parquet(tmp_path / "unnamed.parquet")
    with pytest.raises(ValueError, match=r"column 3 looks like the index.*drop='__index_level_0__'"):
        gdfast.read_table(tmp_path / "unnamed.parquet")
    assert gdfast.read_table(tmp_path / "unnamed.parquet", drop="__index_level_0__").names == ("a", "y")
    frame.rename_axis("day").to_parquet(tmp_path / "named.parquet")
    with pytest.raises(ValueError, match=r"looks like the index.*drop='day'"):
        gdfast.read_table(tmp_path / "named.parquet")
    assert gdfast.read_table(tmp_path / "named.parquet", columns=["day", "y"])["day"].tolist() == [5, 6]
    frame.reset_index(drop=True).assign(y=[True, False]).astype({"a": "Int64", "y": "boolean"}).to_parquet(
        tmp_path / "nullable.parquet"
    )
    table = gdfast.read_table(tmp_path / "nullable.parquet")
    assert (table["a"].dtype, table["y"].dtype) == (np.int64, np.bool_)


def workbook(path, **sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([["a", "b"], [1, 2.5], [3, -4]], {"a": [1, 3], "b": [2.5, -4.0]}),
        ([[1, 2.5], [3, -4]], {"0": [1, 3], "1": [2.5, -4.0]}),
        (
            [[], [None, " a ", "b"], [None, True, "x"], [None, False, "y"], [], []],
            {"a": [True, False], "b": ["x", "y"]},
        ),
    ],
)
def test_excel(tmp_path, rows, columns):
    table = gdfast.read_table(workbook(tmp_path / "t.xlsx", data=rows, empty=[]))
    assert {name: column.tolist() for name, column in table.columns.items()} == columns


@pytest.mark.parametrize(
    ("sheets", "sentence"),
    [
        ({"one": [["a"], [1]], "two": [["a"], [2]]}, "several sheets with values .'one', 'two'"),
        ({"one": []}, "no values"),
        ({"one": [["a", "b"], [1, 2], [None, 3]]}, r"column 'a' has no finite number in row 2 \(None\)"),
        ({"one": [["a"], [1], ["#DIV/0!"]]}, "column 'a' has no finite number in row 2"),
        ({"one": [["a", None], [1, 2]]}, "column 2 has no name"),
        ({"one": [["n", 7], [1, 2]]}, "may be a header or a row"),
    ],
)
def test_excel_that_is_refused(tmp_path, sheets, sentence):
    with pytest.raises(ValueError, match=sentence):
        gdfast.read_table(workbook(tmp_path / "t.xlsx", **sheets))


def test_numbers_beside_text_in_excel_are_no_feature(tmp_path):
    path = workbook(tmp_path / "t.xlsx", one=[["a", "y"], [1, 2], ["5 kg", 3]])
    with pytest.raises(ValueError, match=r"column 'a' does not hold numbers only .the first other is '5 kg' in row 2"):
        gdfast.fit(gdfast.read_table(path), "y")


@pytest.mark.parametrize(
    ("name", "missing", "sentence"),
    [
        ("t.csv", "pyarrow", 'text files need pyarrow; pip install pyarrow, or pip install "gdfast.cli."'),
        ("t.parquet", "pyarrow", "Parquet files need pyarrow; pip install pyarrow"),
        ("t.xlsx", "openpyxl", ".xlsx files need openpyxl; pip install openpyxl"),
    ],
)
def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch, name, missing, sentence):
    path = tmp_path / name
    if name == "t.xlsx":
        workbook(path, one=[["a"], [1]])
    elif name == "t.csv":
        path.write_text("a\n1\n", encoding="utf-8")
    else:
        parquet.write_table(pa.table({"a": [1]}), path)
    import importlib

    imported = importlib.import_module

    def without(module, *rest):
        if module.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return imported(module, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ImportError, match=sentence):
        gdfast.read_table(path)
