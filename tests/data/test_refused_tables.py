"""Data files that are refused: in one sentence, with the row and the reason."""

import gzip
import io
import zipfile

import numpy as np
import pytest

import gdfast

pytest.importorskip("pyarrow")

CSV = "a,b\n1,2.5\n3,-4.0\n"
OBJECTS = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + b" " * 60 + b"\n\x80\x04N."
)


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


# What it is: the file's name, what is in it, and what the sentence says, the row among it.
REFUSED = {
    "a row that is longer": ("f.csv", "a,b\n1,2\n3,4,5\n6,7\n", "row 2 has 3 fields.*the header 2"),
    "all rows longer than the header": ("f.csv", "a,b\n1,2,3\n4,5,6\n", "row 1 has 3 fields.*the header 2"),
    "all rows shorter than the header": ("f.csv", "a,b,c\n1,2\n4,5\n", "row 1 has 2 fields.*the header 3"),
    "a row that is shorter": ("f.csv", "a,b\n1,2\n\n3\n", "row 2 has 1 field .*the header 2"),
    "a row that is longer, no header": ("f.csv", "1,2\n3,4\n5,6,7\n", "row 3 has 3 fields.*the first row 2"),
    "a longer row between blanks": ("f.txt", "a b\n1 2\n3 4 5\n", "row 2 has 3 fields.*the header 2"),
    "a longer row below quoted lines": ("f.csv", 'a,b\n1,"x\ny"\n3,z,5\n', "row 2 has 3 fields"),
    "a separator at the end of the first row": ("f.csv", "a,b\n1,2,\n3,4\n", "row 1 has 3 fields.*the header 2"),
    "a separator at the end of one row": ("f.csv", "a,b\n1,2\n3,4,\n", "row 2 has 3 fields"),
    "a name twice": ("f.csv", "a,b,a\n1,2,3\n", "columns 1 and 3 both have the name 'a'"),
    "names that differ by a blank": ("f.csv", "a,y,y \n1,2,3\n", "columns 2 and 3 both have the name 'y'"),
    "pandas' index": (
        "f.csv",
        ",a\n0,5\n1,6\n",
        "column 1 looks like the index that pandas writes; .* drop='Unnamed: 0'",
    ),
    "pandas' index, read and written again": ("f.csv", "Unnamed: 0,a\n0,5\n1,6\n", "index that pandas writes"),
    "a column without a name": (
        "f.csv",
        "a,,b\n0,5,2\n1,6,3\n",
        "column 2 has no name; leave it out by drop='Unnamed: 1'",
    ),
    "a value that is missing": ("f.csv", "a,b\n1,2\n,3\n", r"column 'a' has no finite number in row 2 \(''\)"),
    "NA among numbers": ("f.csv", "a,b\n1,2\n2,3\n3,NA\n", r"column 'b' has no finite number in row 3 \('NA'\)"),
    "a question mark among numbers": ("f.data", "1,2\n?,3\n", r"column '0' has no finite number in row 2 \('\?'\)"),
    "missing in the first row": ("f.data", "?,2\n1,3\n", r"column '0' has no finite number in row 1"),
    "Excel's error": ("f.csv", "a;b\n1;2\n3;#DIV/0!\n", "column 'b' has no finite number in row 2"),
    "missing among true and false": ("f.csv", "a,b\ntrue,1\n,2\n", "column 'a' has no finite number in row 2"),
    "missing text": ("f.csv", "a,b\nx,1\n,2\n", "column 'a' has no value in row 2"),
    "an empty column": ("f.csv", "a,b,c\n1,,2\n3,,4\n", "column 'b' has no finite number in row 1"),
    "an infinite number": ("f.csv", "a,b\n1,2\n-inf,3\n", r"column 'a' has no finite number in row 2 \('-inf'\)"),
    "a number beyond floats": ("f.csv", "a,b\n1,2\n1e400,3\n", r"column 'a' has no finite number in row 2 \('1e400'\)"),
    "an integer beyond floats' digits": ("f.csv", "a\n1\n12345678901234567890123\n", "row 2, column 'a'.*more digits"),
    "thousands or decimals": (
        "f.csv",
        "a;b\n5;1\n1,234;2\n",
        "row 2, column 'a': '1,234' has a mark that may be.*decimal=",
    ),
    "thousands or decimals in quotes": ("f.csv", 'a,b\n1,"2,345"\n', "row 1, column 'b': '2,345'"),
    "thousands or decimals, points": ("f.csv", "a;b\n1.234;1\n2.345;2\n", "row 1, column 'a': '1.234' has a mark"),
    "three decimals beside decimal commas": ("f.csv", "a;b\n48.137;0,5\n", "mixed|row 1, column 'a': '48.137'"),
    "mixed decimal marks in a column": (
        "f.csv",
        "a;b\n1,5;1\n2.25;2\n",
        "mixed .row 1, column 'a': '1,5'; row 2, column 'a': '2.25'",
    ),
    "mixed decimal marks in two columns": (
        "f.csv",
        "a;b\n1,5;1\n2;2.5\n",
        "mixed .row 1, column 'a': '1,5'; row 2, column 'b': '2.5'",
    ),
    "two whole numbers or one with a comma": (
        "f.csv",
        "1,5\n2,05\n",
        "row 2 may be the two numbers 2 and 05 or the number",
    ),
    "a header or a row": ("f.csv", "n,7\n5,1\n6,2\n", "may be a header or a row; give header="),
    "years or a row, and a row that is shorter": ("f.csv", "country,2019,2020\nA,1.5\n", "may be a year"),
    "years or a row": (
        "f.csv",
        "country,2019,2020\nA,1.5,2\nB,2,3\n",
        "'2019', which may be a year that names a column",
    ),
    "numbers of columns or a row": (
        "f.csv",
        "0,1,2\n0.5,1.5,2.5\n",
        "may be the numbers of the columns or a row; give header=",
    ),
    "a comment or a row": ("f.csv", "a,b\n1,2\n#3,4\n5,6\n", "row 2 begins with '#'"),
    "a comment or a row between blanks": ("f.txt", "# a b\n1  2\n#3 4\n5 6\n", "row 2 begins with '#'"),
    "a comment or a first row": ("f.csv", "#7,2\n#3,4\n5,6\n", "the line '#3,4' above the rows"),
    "a comment or a value": ("f.csv", "color\n#ff0000\nred\n#00ff00\n", "row 1 begins with '#'"),
    "a quote that is not closed": ("f.csv", 'a,b\n1,2\n3,"x\n5,6\n', "row 2 has a quoted field that is not closed"),
    "a quote that is closed too late": (
        "f.csv",
        'a,b\n1,"x\n3,4\n5,"y"\n',
        "row 1 has a quoted field that is not closed",
    ),
    "nothing": ("f.csv", "", "is empty"),
    "blank lines alone": ("f.csv", "\n \n\n", "is empty"),
    "comments alone": ("f.csv", "# nothing yet\n", "comments only"),
    "a header alone": ("f.csv", "a,b\n", "no rows, only a header"),
    "bytes that are no text": ("f.csv", bytes(range(64)), "no text"),
    "a cut-off gzip file": ("f.csv.gz", gzip.compress(CSV.encode() * 100)[:40], "not a whole gzip file"),
    "a damaged bzip2 file": ("f.csv.bz2", b"BZh91AY&SYxxxxxxxxxxxxxxxx", "not a whole bz2 file"),
    "a cut-off zip file": ("f.zip", zipped(f_csv=CSV)[:-8], "not a whole .zip file"),
    "an archive of two files": ("f.zip", zipped(f_csv=CSV, g_csv=CSV), "several files .'f.csv', 'g.csv'"),
    "an old Excel file": ("f.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file"),
    "a web page": ("f.csv", "<!doctype html>\n<html>", "web page"),
    "a pickle": ("f.pkl", b"\x80\x04\x95\x0b\x00\x00\x00.", "pickle, which gdfast never opens"),
    "a broken Parquet file": ("f.parquet", b"PAR1 not really", "cannot be read as a table"),
    "text called Parquet": ("f.parquet", CSV, "does not begin as a .parquet file"),
    "a broken Arrow file": ("f.arrow", b"ARROW1\0\0 no", "cannot be read as a table"),
    "objects in .npy": ("f.npy", OBJECTS, "never unpickled"),
    ".npy of one dimension": ("f.npy", npy(np.arange(3.0)), "shape .3,.; it must be 2-d"),
    ".npy with a value that is missing": (
        "f.npy",
        npy(np.array([[1.0, 2.0], [3.0, np.nan]])),
        "column '1' has no finite number in row 2",
    ),
    ".npz of other lengths": ("f.npz", npz(a=np.arange(2), b=np.arange(3)), "a: 2, b: 3"),
    "JSON that is cut off": ("f.json", '[{"a": 1}, {"a":', "not JSON"),
    "JSON lines, one cut off": ("f.jsonl", '{"a": 1}\n{"a":\n', "row 2 is not JSON.*; correct the file there"),
    "JSON objects of other names": ("f.json", '[{"a": 1}, {"b": 1}]', "row 2 (has the name 'b'|lacks the name 'a')"),
    "JSON with null": ("f.json", '[{"a": 1}, {"a": null}]', r"column 'a' has no finite number in row 2 \(None\)"),
    "JSON with NaN": ("f.json", '[{"a": 1}, {"a": NaN}]', "column 'a' has no finite number in row 2"),
    "JSON with a list": ("f.json", '[{"a": [1]}, {"a": [2]}]', r"column 'a' has \[1\] in row 1"),
    "JSON with a name twice": ("f.json", '[{"a": 1, "a": 2}]', "'a' more than once"),
    "JSON lists of other lengths": ("f.json", "[[1, 2], [3]]", "row 2 has 1 fields, and the first row 2"),
    "JSON columns of other lengths": ("f.json", '{"a": [1, 2], "b": [1]}', "column 'b' is"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_is_refused_in_one_sentence(tmp_path, what):
    name, content, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence) as caught:
        read(tmp_path, name, content)
    assert str(caught.value).count(f"{name}'") == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"header": 1}, TypeError, "header=1 must be True, False or None"),
        ({"separator": ", "}, ValueError, "separator=', ' must be one character"),
        ({"separator": "."}, ValueError, "separator='.' must be one character"),
        ({"separator": 5}, TypeError, "separator=5 must be one character"),
        ({"decimal": "'"}, ValueError, 'decimal="\'" is not known; choose one of ., ,'),
        ({"decimal": ",", "separator": ","}, ValueError, "are the same"),
        ({"encoding": "latin-99"}, ValueError, "encoding='latin-99' is not known"),
        ({"encoding": "hex"}, ValueError, "encoding='hex' is not known"),
        ({"encoding": "ascii"}, ValueError, "line 2 is not valid ascii; give another encoding="),
        ({"columns": "c"}, ValueError, "columns='c' is not a column; the columns are a, b"),
        ({"drop": ["c"]}, ValueError, "drop='c' is not a column; the columns are a, b"),
        ({"drop": ["a", "b"]}, ValueError, "no column is left"),
        ({"columns": 1.5}, TypeError, "columns=1.5 must be a sequence of names"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, error, sentence):
    with pytest.raises(error, match=sentence):
        read(tmp_path, "f.csv", "a,b\nä,2\n", **options)
