"""Data files as people have them: each opened with the right numbers, or refused in one sentence with the row."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import numpy as np
import pytest

import gdfast

pytest.importorskip("pyarrow")

ROWS = {"a": [1, 3], "b": [2.5, -4.0]}
CSV = "a,b\n1,2.5\n3,-4.0\n"
GERMAN = "Größe;Preis\n1,50;70\n2;1.234,5\n"


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder, name, content, **options):
    return {
        name: column.tolist()
        for name, column in gdfast.read_table(written(folder, name, content), **options).columns.items()
    }


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


# What it is: the file's name, what is in it, and its columns.
OPENED = {
    "commas": ("f.csv", CSV, ROWS),
    "another suffix": ("f.data", CSV, ROWS),
    "no suffix": ("f", CSV, ROWS),
    "semicolons": (
        "f.csv",
        '"fixed acidity";"quality"\n7.4;5\n7.25;6\n',
        {"fixed acidity": [7.4, 7.25], "quality": [5, 6]},
    ),
    "tabs in .csv": ("f.csv", "a\tb\n1\t2.5\n3\t-4.0\n", ROWS),
    "bars": ("f.txt", "a|b\n1|2.5\n3|-4.0\n", ROWS),
    "blanks in columns": ("f.dat", "   a     b\n   1   2.5\n   3  -4.0\n", ROWS),
    "blanks and tabs": ("f.dat", "a \t b\n1\t \t2.5\n 3 -4.0 \n", ROWS),
    "blanks, decimal commas and text": (
        "f.dat",
        "1,5 red 2,5\n2,5 blue 3\n",
        {"0": [1.5, 2.5], "1": ["red", "blue"], "2": [2.5, 3.0]},
    ),
    "semicolons, text and decimal commas": (
        "f.csv",
        "red;blue;1,5\ngreen;red;2,5\n",
        {"0": ["red", "green"], "1": ["blue", "red"], "2": [1.5, 2.5]},
    ),
    "commas and text with semicolons": ("f.csv", "a;b,1\nc;d,2\n", {"0": ["a;b", "c;d"], "1": [1, 2]}),
    "tabs and text with blanks": (
        "f.csv",
        "New York\tx\t5\nLos Angeles\ty\t6\n",
        {"0": ["New York", "Los Angeles"], "1": ["x", "y"], "2": [5, 6]},
    ),
    "one tab among blanks": ("f.txt", "1 2\t3\n4 5\t6\n", {"0": [1, 4], "1": [2, 5], "2": [3, 6]}),
    "blanks and quoted commas": ("f.dat", '"a, b" 1\n"c, d" 2\n', {"0": ["a, b", "c, d"], "1": [1, 2]}),
    "a name of two words": ("f.csv", "the size\n5\n", {"the size": [5]}),
    "a comment in a column of numbers": ("f.csv", "a\n1\n# gap\n2\n", {"a": [1, 2]}),
    "blanks and quoted text": ("f.dat", '"New York" 1\nParis  2\n', {"0": ["New York", "Paris"], "1": [1, 2]}),
    "commas and blanks": ("f.csv", "a , b\n 1,  2.5\n3 , -4.0 \n", ROWS),
    "commas, blanks and quotes": ("f.csv", 'a, b\n1, "x, y"\n', {"a": [1], "b": ["x, y"]}),
    "commas in .txt, a blank after a line": ("f.txt", "5.5,2.1\n5.7,2.4 \n", {"0": [5.5, 5.7], "1": [2.1, 2.4]}),
    "Windows' line ends": ("f.csv", "a,b\r\n1,2.5\r\n3,-4.0\r\n", ROWS),
    "old Macintosh's line ends": ("f.csv", "a,b\r1,2.5\r3,-4.0\r", ROWS),
    "no end of the last line": ("f.csv", "a,b\n1,2.5\n3,-4.0", ROWS),
    "blank lines": ("f.csv", "\n\na,b\n\n1,2.5\n  \n3,-4.0\n\n\n", ROWS),
    "rows of separators at the end": ("f.csv", CSV + ",\n,\n", ROWS),
    "a control-Z at the end": ("f.csv", CSV + "\x1a", ROWS),
    "the separator in the first line": ("f.csv", "sep=;\na;b\n1;2.5\n3;-4.0\n", ROWS),
    "UTF-8 with a mark": ("f.csv", b"\xef\xbb\xbf" + CSV.encode(), ROWS),
    "UTF-16 with a mark": ("f.csv", CSV.encode("utf-16"), ROWS),
    "UTF-16, little end first": ("f.csv", CSV.encode("utf-16-le"), ROWS),
    "UTF-16, big end first": ("f.csv", CSV.encode("utf-16-be"), ROWS),
    "UTF-32": ("f.csv", CSV.encode("utf-32"), ROWS),
    "Windows-1252": ("f.csv", GERMAN.encode("cp1252"), {"Größe": [1.5, 2.0], "Preis": [70.0, 1234.5]}),
    "Latin-1's control characters": ("f.csv", b"\xe4\x81,b\n1,2\n", {"ä\x81": [1], "b": [2]}),
    "decimal commas": ("f.csv", "a;b\n1;2,5\n3;-4,0\n", ROWS),
    "decimal commas and tabs": ("f.tsv", "a\tb\n1\t2,5\n3\t-4,0\n", ROWS),
    "decimal commas and blanks": ("f.txt", "1,5 2,25\n3,0 4,5\n", {"0": [1.5, 3.0], "1": [2.25, 4.5]}),
    "decimal commas without a header": ("f.csv", "1,50;70,0\n2,50;80,0\n", {"0": [1.5, 2.5], "1": [70.0, 80.0]}),
    "decimal commas in quotes": ("f.csv", 'a,b\n1,"2,5"\n3,"-4,0"\n', ROWS),
    "one column of decimal commas": ("f.csv", "x\n1,5\n2\n3,25\n", {"x": [1.5, 2.0, 3.25]}),
    "thousands with commas": (
        "f.csv",
        'a,b\n"1,234.5",1\n"1,234,567",2\n"2,000",3\n',
        {"a": [1234.5, 1234567.0, 2000.0], "b": [1, 2, 3]},
    ),
    "thousands with points": ("f.csv", "a;b\n1.234,5;1\n2.000;2\n", {"a": [1234.5, 2000.0], "b": [1, 2]}),
    "thousands with blanks": ("f.csv", "a;b\n1 234,5;1\n12 345 678;2\n", {"a": [1234.5, 12345678.0], "b": [1, 2]}),
    "thousands with narrow blanks": ("f.csv", "a;b\n1\u202f234;1\n12\u00a0345;2\n", {"a": [1234, 12345], "b": [1, 2]}),
    "thousands with apostrophes": ("f.csv", "a;b\n1'234.50;1\n12’345.25;2\n", {"a": [1234.5, 12345.25], "b": [1, 2]}),
    "exponents": ("f.csv", "a,b\n1e5,1E-3\n-2.5e+2,.5\n", {"a": [1e5, -250.0], "b": [1e-3, 0.5]}),
    "Fortran's exponents": ("f.csv", "a\n1.5D+02\n-2.0d-1\n", {"a": [150.0, -0.2]}),
    "plus and minus signs": ("f.csv", "a,b\n+3,\u22122.5\n-1,+0.5\n", {"a": [3, -1], "b": [-2.5, 0.5]}),
    "points without digits": ("f.csv", "a,b\n1.,.5\n2.,-.25\n", {"a": [1.0, 2.0], "b": [0.5, -0.25]}),
    "leading zeros": ("f.csv", "a,b\n007,00.5\n010,01.5\n", {"a": [7, 10], "b": [0.5, 1.5]}),
    "all digits of a float": (
        "f.csv",
        "a,b\n0.1234567890123456789,1700000000.123456\n5e-324,1.7976931348623157e308\n",
        {"a": [0.1234567890123456789, 5e-324], "b": [1700000000.123456, 1.7976931348623157e308]},
    ),
    "integers of 63 bits": ("f.csv", "a\n9223372036854775807\n-9223372036854775808\n", {"a": [2**63 - 1, -(2**63)]}),
    "a larger integer that is a float": ("f.csv", "a\n100000000000000000000\n1\n", {"a": [1e20, 1.0]}),
    "true and false": ("f.csv", "a,b\nTrue,FALSE\nfalse,true\n", {"a": [True, False], "b": [False, True]}),
    "text": ("f.csv", "a,b\n1,NA\n2,None\n3,x_1\n", {"a": [1, 2, 3], "b": ["NA", "None", "x_1"]}),
    "numbers and text in one column": ("f.csv", "a,b\n1,1\n2,two\n", {"a": [1, 2], "b": ["1", "two"]}),
    "hexadecimal and underscores are text": (
        "f.csv",
        "a,b,c\n0x1F,1_000,1d5\n0x20,2_000,1d6\n",
        {"a": ["0x1F", "0x20"], "b": ["1_000", "2_000"], "c": ["1d5", "1d6"]},
    ),
    "quoted numbers": ("f.csv", '"a","b"\n"1","2.5"\n"3","-4.0"\n', ROWS),
    "quoted separators, quotes and lines": (
        "f.csv",
        'a,b\n1,"x, ""y""\nz"\n2,"5"" pipe"\n',
        {"a": [1, 2], "b": ['x, "y"\nz', '5" pipe']},
    ),
    "quotes within text": ("f.csv", 'a,b\n1,5" pipe\n2,6" pipe\n', {"a": [1, 2], "b": ['5" pipe', '6" pipe']}),
    "separators at the ends of rows": ("f.csv", "a,b\n1,2.5,\n3,-4.0,\n", ROWS),
    "separators at the ends of all lines": ("f.csv", "a,b,\n1,2.5,\n3,-4.0,\n", ROWS),
    "a separator at the end of the header": ("f.csv", "a,b,\n1,2.5\n3,-4.0\n", ROWS),
    "separators at the ends without a header": ("f.csv", "1,2.5,\n3,-4.0,\n", {"0": [1, 3], "1": [2.5, -4.0]}),
    "comments above and between": ("f.csv", "# made by hand\n# 2024\na,b\n1,2.5\n# a gap\n3,-4.0\n", ROWS),
    "a header in a comment": ("f.txt", "# a b\n1 2.5\n3 -4.0\n", ROWS),
    "a comment of as many words above a header": ("f.txt", "# by hand\na b\n1 2.5\n3 -4.0\n", ROWS),
    "a column named #": ("f.csv", "#,b\n1,2.5\n3,-4.0\n", {"#": [1, 3], "b": [2.5, -4.0]}),
    "no header": ("f.csv", "1,2.5\n3,-4.0\n", {"0": [1, 3], "1": [2.5, -4.0]}),
    "no header, text last, a blank line": (
        "iris.data",
        "5.1,3.5,Iris-setosa\n6.2,2.9,Iris-virginica\n\n",
        {"0": [5.1, 6.2], "1": [3.5, 2.9], "2": ["Iris-setosa", "Iris-virginica"]},
    ),
    "no header, years": ("f.csv", "A,2019\nB,2020\n", {"0": ["A", "B"], "1": [2019, 2020]}),
    "no header, dates first": (
        "f.csv",
        "2020-01-01,5\n2020-01-02,6\n",
        {"0": ["2020-01-01", "2020-01-02"], "1": [5, 6]},
    ),
    "text alone has a header": ("f.csv", "x,y\nred,no\nblue,yes\n", {"x": ["red", "blue"], "y": ["no", "yes"]}),
    "one row": ("f.csv", "1,2.5\n", {"0": [1], "1": [2.5]}),
    "one row below a header": ("f.csv", "a,b\n1,2.5\n", {"a": [1], "b": [2.5]}),
    "one column": ("f.csv", "a\n1\n2\n", {"a": [1, 2]}),
    "one column of text with blanks": (
        "f.csv",
        "full name\nAda Lovelace\nCarl\n",
        {"full name": ["Ada Lovelace", "Carl"]},
    ),
    "names with blanks around them": ("f.csv", " a , b \n1,2.5\n3,-4.0\n", ROWS),
    "gzip": ("f.csv.gz", gzip.compress(CSV.encode()), ROWS),
    "gzip by its content alone": ("f.csv", gzip.compress(CSV.encode()), ROWS),
    "two gzip members": ("f.csv.gz", gzip.compress(CSV[:8].encode()) + gzip.compress(CSV[8:].encode()), ROWS),
    "bzip2": ("f.csv.bz2", bz2.compress(CSV.encode()), ROWS),
    "xz": ("f.csv.xz", lzma.compress(CSV.encode()), ROWS),
    "a zip archive of one file": ("f.zip", zipped(f_csv=CSV), ROWS),
    ".npy": ("f.npy", npy(np.array([[1, 2.5], [3, -4]])), {"0": [1.0, 3.0], "1": [2.5, -4.0]}),
    ".npy of big-endian integers": ("f.npy", npy(np.array([[1, 2], [3, 4]], dtype=">i4")), {"0": [1, 3], "1": [2, 4]}),
    ".npy of records": ("f.npy", npy(np.array([(1, 2.5), (3, -4)], dtype=[("a", "i8"), ("b", "f8")])), ROWS),
    ".npz of columns": ("f.npz", npz(a=np.array([1, 3]), b=np.array([2.5, -4])), ROWS),
    ".npz of one table": ("f.npz", npz(data=np.array([[1, 2.5], [3, -4]])), {"0": [1.0, 3.0], "1": [2.5, -4.0]}),
    ".npz of X and y": (
        "f.npz",
        npz(X=np.array([[1, 2], [3, 4]]), y=np.array(["no", "yes"])),
        {"X0": [1, 3], "X1": [2, 4], "y": ["no", "yes"]},
    ),
    "JSON objects": ("f.json", '[{"a": 1, "b": 2.5}, {"b": -4.0, "a": 3}]', ROWS),
    "JSON columns": ("f.json", '{"a": [1, 3], "b": [2.5, -4.0]}', ROWS),
    "JSON columns by row": ("f.json", '{"a": {"0": 1, "1": 3}, "b": {"0": 2.5, "1": -4.0}}', ROWS),
    "JSON lists below names": ("f.json", '[["a", "b"], [1, 2.5], [3, -4]]', ROWS),
    "JSON lines": ("f.jsonl", '{"a": 1, "b": 2.5}\n\n{"a": 3, "b": -4}\n', ROWS),
    "one JSON line": ("f.jsonl", '{"a": 1, "b": "x"}\n', {"a": [1], "b": ["x"]}),
    "JSON in UTF-16": ("f.json", '[{"ä": true}]'.encode("utf-16"), {"ä": [True]}),
}


@pytest.mark.parametrize("what", OPENED)
def test_a_file_is_opened(tmp_path, what):
    name, content, columns = OPENED[what]
    found = read(tmp_path, name, content)
    assert found == columns
    assert {one: list(map(type, column)) for one, column in found.items()} == {
        one: list(map(type, column)) for one, column in columns.items()
    }


@pytest.mark.parametrize(
    ("content", "options", "columns"),
    [
        ("a;b\n1,234;2\n", {"decimal": "."}, {"a": [1234], "b": [2]}),
        ("a;b\n1,234;2\n", {"decimal": ","}, {"a": [1.234], "b": [2]}),
        ("a;b\n1.234;2,5\n", {"decimal": ","}, {"a": [1234], "b": [2.5]}),
        ("a;b\n1.234;2\n", {"decimal": "."}, {"a": [1.234], "b": [2]}),
        ("a;b\n0,5;2\n", {"decimal": "."}, {"a": ["0,5"], "b": [2]}),
        ("a,b\n1,2\n", {"header": False}, {"0": ["a", "1"], "1": ["b", "2"]}),
        ("1,2\n3,4\n", {"header": True}, {"1": [3], "2": [4]}),
        ("n,2019\n5,1\n", {"header": True}, {"n": [5], "2019": [1]}),
        ("0,1,2\n0.5,1.5,2.5\n", {"header": False}, {"0": [0, 0.5], "1": [1, 1.5], "2": [2, 2.5]}),
        ("x\n1,5\n2,5\n", {"separator": ";"}, {"x": [1.5, 2.5]}),
        ("1,5\n2,05\n", {"separator": ";"}, {"0": [1.5, 2.05]}),
        ("1,5\n2,05\n", {"separator": ","}, {"0": [1, 2], "1": [5, 5]}),
        ("a:b\n1:2\n", {"separator": ":"}, {"a": [1], "b": [2]}),
        ("# by hand\na b\n1 2\n", {"header": True}, {"a": [1], "b": [2]}),
        ("# a b\n1 2\n", {"header": True}, {"a": [1], "b": [2]}),
        ("# a b\n1 2\n", {"header": False}, {"0": [1], "1": [2]}),
        ("a b\n1  2\n", {"separator": " "}, {"a": [1], "b": [2]}),
        ("a\tb c\n1\t2\n", {"separator": "\\t"}, {"a": [1], "b c": [2]}),
        ("ä,b\n1,2\n".encode("cp437"), {"encoding": "cp437"}, {"ä": [1], "b": [2]}),
        ("ä,b\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}, {"ä": [1], "b": [2]}),
        (",a\n0,5\n1,6\n", {"drop": "Unnamed: 0"}, {"a": [5, 6]}),
        (",a\n0,5\n1,6\n", {"columns": ["a", "Unnamed: 0"]}, {"a": [5, 6], "Unnamed: 0": [0, 1]}),
        ("a,b\n1,\n2,x\n", {"drop": ["b"]}, {"a": [1, 2]}),
        ("a,b,c\n1,,3\n", {"columns": ("c", "a")}, {"c": [3], "a": [1]}),
        ("1,2.5,x\n", {"columns": [2, 0]}, {"2": ["x"], "0": [1]}),
        ("a;b\n1,5;2.5\n", {"drop": "b"}, {"a": [1.5]}),
    ],
)
def test_what_is_given_is_not_recognised(tmp_path, content, options, columns):
    assert read(tmp_path, "f.csv", content, **options) == columns


def test_paths(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"there is no file 'none\.csv'"):
        gdfast.read_table("none.csv")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        gdfast.read_table(tmp_path)
    with pytest.raises(TypeError, match="path=5 is a int, and must be a path"):
        gdfast.read_table(5)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(CSV.encode())), encoding="utf-8"))
    assert {name: column.tolist() for name, column in gdfast.read_table("-").columns.items()} == ROWS


def test_zstandard(tmp_path):
    pa = pytest.importorskip("pyarrow")
    if not pa.Codec.is_available("zstd"):
        pytest.skip("pyarrow is built without Zstandard")
    compressed = bytes(pa.compress(CSV.encode(), codec="zstd"))
    assert read(tmp_path, "f.csv.zst", compressed) == ROWS
    with pytest.raises(ValueError, match="not a whole zstd file"):
        read(tmp_path, "g.csv.zst", compressed[:-5])


def test_a_file_of_many_rows_is_read_as_python_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    floats = rng.standard_normal(5000) * 10.0 ** rng.integers(-300, 300, 5000)
    integers = rng.integers(-(2**62), 2**62, 5000)
    content = "x,n\n" + "".join(f"{x!r},{n}\n" for x, n in zip(floats.tolist(), integers.tolist(), strict=True))
    table = gdfast.read_table(written(tmp_path, "f.csv", content))
    assert np.array_equal(table["x"], floats)
    assert np.array_equal(table["n"], integers)
    lines = content.splitlines()
    lines[4001] += ",1"
    with pytest.raises(ValueError, match="row 4001 has 3 fields"):
        read(tmp_path, "g.csv", "\n".join(lines))


def test_a_table_is_a_frame(tmp_path):
    table = gdfast.read_table(written(tmp_path, "f.csv", "a,b,c\n1,2.5,x\n3,-4,y\n"))
    assert table.names == ("a", "b", "c")
    assert len(table) == 2
    assert repr(table) == "gdfast.Table of 2 rows: a (int64), b (float64), c (text)"
    with pytest.raises(ValueError, match="there is no column 'd'; the columns are a, b, c"):
        table["d"]
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    expected = {"a": [1, 3], "b": [2.5, -4.0], "c": ["x", "y"]}
    assert table.to_pandas().to_dict("list") == expected
    assert isinstance(table.to_pandas(), pd.DataFrame)
    assert table.to_polars().to_dict(as_series=False) == expected
    assert isinstance(table.to_polars(), pl.DataFrame)


def test_a_table_is_fitted_by_name(tmp_path):
    rng = np.random.default_rng(1)
    X, w = rng.standard_normal((30, 2)), rng.uniform(1, 2, 30)
    y = X @ [2.0, -1.0] + 3 + rng.standard_normal(30)
    rows = np.column_stack([X[:, 1], y, X[:, 0], w]).tolist()
    content = "b,y,a,w\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows)
    table = gdfast.read_table(written(tmp_path, "f.csv", content))
    data, turned = table.select(["b", "y", "a"]), table.select(["a", "y", "b"])
    run = gdfast.fit(data, "y", epochs=20, backend="numpy")
    X = X[:, ::-1]
    assert run.feature_names == ("b", "a")
    assert np.array_equal(run.coef, gdfast.fit(X, y, epochs=20, backend="numpy").coef)
    assert np.array_equal(run.predict(turned.select(["a", "b"])), run.predict(X))
    assert run.score(turned, "y") == run.score(data, "y") == run.score(X, y)
    assert run.resume(5, data, "y").epochs == 25
    run.save(tmp_path / "r.npz")
    loaded = gdfast.Run.load(tmp_path / "r.npz")
    assert np.array_equal(loaded.resume(5, turned, "y").coef, run.resume(5).coef)
    assert np.array_equal(loaded.resume(5, X, y).coef, run.resume(5).coef)
    with pytest.raises(ValueError, match="X has the column 'y', not a feature of the fit"):
        run.predict(data)
    for validation in ((turned, "y"), (data, "y"), (X, y)):
        validated = gdfast.fit(data, "y", validation=validation, epochs=3)
        assert validated.history["validation_cost"][-1] == pytest.approx(validated.cost, rel=1e-12)
    weighted = gdfast.fit(table, "y", sample_weight="w", epochs=20, backend="numpy")
    assert np.array_equal(weighted.coef, gdfast.fit(X, y, sample_weight=w, epochs=20, backend="numpy").coef)
    assert (
        gdfast.stability(table, "y").max_learning_rate
        == gdfast.stability(table.select(["b", "a", "w"]), y).max_learning_rate
    )


def test_text_as_a_feature_names_the_column_and_the_row(tmp_path):
    table = gdfast.read_table(written(tmp_path, "f.csv", "a,c,y\n1,2,1\n3,red,2\n4,5,3\n"))
    with pytest.raises(ValueError, match=r"column 'c' does not hold numbers only .the first other is 'red' in row 2"):
        gdfast.fit(table, "y")
    run = gdfast.fit(table.select(["a", "y"]), "y")
    with pytest.raises(ValueError, match="lacks the column 'a'"):
        run.predict(table.select(["c"]))
    assert gdfast.fit(table.select(["a", "c"]), "c", loss="multinomial", epochs=2).classes.tolist() == ["2", "5", "red"]


def test_json_round_trip_of_floats(tmp_path):
    values = np.random.default_rng(2).standard_normal(50).tolist()
    assert read(tmp_path, "f.json", json.dumps([{"a": value} for value in values])) == {"a": values}
