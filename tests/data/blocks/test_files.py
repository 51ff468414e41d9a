"""Blocks of Parquet and CSV files, of a dataset and of a lazy frame."""

import pickle

import numpy as np
import pytest

import gdfast
from gdfast import Blocks, Summary

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
dataset = pytest.importorskip("pyarrow.dataset")

RNG = np.random.default_rng(3)
X = RNG.normal(size=(90, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=90)
W = RNG.integers(0, 3, 90).astype(float)


def table(rows=slice(None), order="abcyw", **changed):
    columns = dict(zip("abc", X.T, strict=True)) | {"y": Y, "w": W}
    return pa.table({name: columns[name][rows] for name in order} | changed)


@pytest.fixture
def files(tmp_path):
    """Write three Parquet files with row groups of 7 rows; the columns of the second stand in another order."""
    for number, order in enumerate(("abcyw", "wycba", "abcyw")):
        rows = slice(30 * number, 30 * number + 30)
        parquet.write_table(table(rows, order), tmp_path / f"part{number}.parquet", row_group_size=7)
    return tmp_path


def bits(blocks):
    state = Summary.of(blocks).__getstate__()
    state.pop("names", None)
    return pickle.dumps(sorted((name, value.tobytes()) for name, value in state.items()))


def in_memory(sizes, weights=False):
    ends = np.cumsum(sizes)
    parts = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    return [(X[rows], Y[rows], *([W[rows]] if weights else [])) for rows in parts]


def sizes(blocks):
    return [block.X.shape[0] for block in blocks._read()]


def test_blocks_of_parquet_files(files):
    paths = sorted(files.glob("*.parquet"))
    for given in (files / "*.parquet", str(files / "part?.parquet"), paths, [str(path) for path in paths]):
        blocks = Blocks.from_parquet(given, "y", columns=["a", "b", "c"])
        assert bits(blocks) == bits(in_memory([30, 30, 30]))
        assert blocks.shuffles
    cuts = {7: [7, 7, 7, 7, 2] * 3, 10: [10] * 9, 13: [13, 13, 4] * 3, 1000: [30] * 3, 1: [1] * 90}
    for rows, expected in cuts.items():
        blocks = Blocks.from_parquet(paths, "y", columns=["a", "b", "c"], weight="w", block_rows=rows)
        assert sizes(blocks) == expected
        assert bits(blocks) == bits(in_memory(expected, weights=True))
    run = gdfast.fit(Blocks.from_parquet(paths, "y", weight="w"), epochs=50)
    assert run.feature_names == ("a", "b", "c")
    np.testing.assert_allclose(run.costs, gdfast.fit(X, Y, sample_weight=W, epochs=50).costs, rtol=1e-11)
    assert gdfast.fit(Blocks.from_parquet(paths, "y", columns=["c", "a"]), epochs=1).feature_names == ("c", "a")
    backwards = Blocks.from_parquet(paths[::-1], "y", weight="w")
    assert next(backwards._read()).X[0, 0] == X[60, 0]  # a list is taken as given


@pytest.mark.parametrize("rows", [3, 7, 11, 30])
def test_blocks_of_files_in_any_order(files, rows):
    blocks = Blocks.from_parquet(files / "*.parquet", "y", columns=["a", "b", "c"], block_rows=rows)
    starts = [file * 30 + first for file in range(3) for first in range(0, 30, rows)]
    order = np.random.default_rng(rows).permutation(len(starts)).tolist()
    for block, number in zip(blocks._read(order), order, strict=True):
        assert block.number == number
        stop = min(starts[number] + rows, starts[number] // 30 * 30 + 30)
        np.testing.assert_array_equal(block.X, X[starts[number] : stop])
        np.testing.assert_array_equal(block.y, Y[starts[number] : stop])


def test_row_groups_are_joined_and_split_by_default(files, monkeypatch):
    from gdfast.data.blocks import pieces

    paths = files / "*.parquet"
    for values, expected in (
        (4 * 15, [14, 14, 2] * 3),
        (4 * 7, [7, 7, 7, 7, 2] * 3),
        (4 * 3, ([3, 3, 1] * 3 + [3, 3, 3]) * 3),
    ):
        monkeypatch.setattr(pieces, "MOST_VALUES", values)
        found = sizes(Blocks.from_parquet(paths, "y", columns=["a", "b", "c"]))
        assert found == expected
        assert bits(Blocks.from_parquet(paths, "y", columns=["a", "b", "c"])) == bits(in_memory(found))


def test_dtypes_of_columns(tmp_path):
    path = tmp_path / "rows.parquet"
    columns = {"a": pa.array(X[:, 0], pa.float32()), "b": pa.array([True, False] * 45), "y": pa.array(range(90))}
    parquet.write_table(pa.table(columns), path)
    (block,) = Blocks.from_parquet(path, "y")._read()
    assert gdfast.fit(Blocks.from_parquet(path, "y"), epochs=2).epochs == 2
    columns |= {"c": pa.array(range(90), pa.int64()), "d": pa.array([1, 2] * 45, pa.decimal128(5, 2))}
    parquet.write_table(pa.table(columns), path)
    reading = Blocks.from_parquet(path, "y")._read()
    block = next(reading)
    assert block.X.dtype == np.float64
    np.testing.assert_array_equal(block.X[:4, 1:], [[1, 0, 1], [0, 1, 2], [1, 2, 1], [0, 3, 2]])
    reading.close()
    parquet.write_table(pa.table({"a": columns["a"], "y": ["no", "yes"] * 45}), path)
    reading = Blocks.from_parquet(path, "y")._read()
    block = next(reading)
    assert block.X.dtype == np.float32
    assert block.y.tolist() == ["no", "yes"] * 45
    reading.close()


BAD_COLUMNS = {
    "null": ({"a": pa.array([1.0, None, 2.0])}, r"part1.*column 'a' has no finite number in row 2 \(null\)"),
    "late": ({"a": pa.array([1.0] * 19 + [np.nan] + [1.0] * 10)}, r"part1.*column 'a' has no finite number in row 20"),
    "text": ({"b": ["1"] * 8 + ["x"] * 22}, "part1.*column 'b' does not hold numbers only .*'x' in row 9"),
    "dates": ({"b": pa.array([0] * 30, pa.timestamp("s"))}, "part1.*column 'b' does not hold numbers only"),
    "target": ({"y": pa.array([1.0] * 8 + [None] + [2.0] * 21)}, "part1.*column 'y' has no finite number in row 9"),
    "weight": ({"w": pa.array([1.0] * 25 + [-1.0] + [2.0] * 4)}, "part1.*the weight 'w' is -1 in row 26"),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_bad_values_in_parquet_files(files, name):
    changed, words = BAD_COLUMNS[name]
    n = len(next(iter(changed.values())))
    bad = table(slice(30, 30 + n)).to_pydict() | changed
    parquet.write_table(pa.table(bad), files / "part1.parquet", row_group_size=7)
    with pytest.raises(ValueError, match=words):
        gdfast.fit(Blocks.from_parquet(files / "*.parquet", "y", weight="w", block_rows=9), epochs=2)


def test_files_that_change(files):
    paths = files / "*.parquet"
    blocks = Blocks.from_parquet(paths, "y", weight="w", block_rows=10)
    Summary.of(blocks)
    second = files / "part1.parquet"
    whole = second.read_bytes()
    changed = table(slice(30, 60), "wycba").to_pydict()
    changed["b"][14] += 1e-12
    parquet.write_table(pa.table(changed), second, row_group_size=7)
    with pytest.raises(ValueError, match=r"block 4 \('.*part1.parquet'\) has changed since the first pass"):
        Summary.of(blocks)
    parquet.write_table(table(slice(30, 59)), second, row_group_size=7)
    with pytest.raises(ValueError, match=r"part1.parquet' has changed since it was first read"):
        Summary.of(blocks)
    parquet.write_table(table(slice(30, 60), "abyw"), second, row_group_size=7)
    with pytest.raises(ValueError, match=r"part1.parquet' lacks the column 'c'"):
        Summary.of(blocks)
    second.write_bytes(whole[:-200])
    with pytest.raises(ValueError, match=r"part1.parquet': it cannot be read"):
        Summary.of(blocks)
    with pytest.raises(ValueError, match=r"part1.parquet': it cannot be read"):
        Blocks.from_parquet(paths, "y")
    second.write_bytes(bytes(200) + whole[200:])
    with pytest.raises(ValueError, match=r"part1.parquet'"):
        Summary.of(blocks)
    second.unlink()
    with pytest.raises(ValueError, match=r"part1.parquet' is gone"):
        Summary.of(blocks)
    second.write_bytes(whole)
    assert Summary.of(blocks).n == 90


BAD_ARGUMENTS = {
    "no file": ({"paths": "none*.parquet"}, FileNotFoundError, "none"),
    "no path": ({"paths": []}, ValueError, "paths=.* is empty"),
    "number": ({"paths": 3}, TypeError, "paths=3 must be"),
    "folder": ({"paths": "."}, ValueError, "is a folder"),
    "missing file": ({"paths": ["part0.parquet", "none.parquet"]}, FileNotFoundError, "none.parquet"),
    "target": ({"target": "t"}, ValueError, "target='t' is not a column of 'part0.parquet'.*; give one of them"),
    "no target": ({"target": None}, TypeError, "target=None must be"),
    "weight": ({"weight": "t"}, ValueError, "weight='t' is not a column"),
    "both": ({"weight": "y"}, ValueError, "target and weight both name"),
    "columns": ({"columns": ["a", "q"]}, ValueError, "columns= names the column 'q'.*; choose from 'a', 'b"),
    "feature": ({"columns": ["a", "y"]}, ValueError, "columns= holds 'y'.*; leave that name out"),
    "rows": ({"block_rows": 0}, ValueError, "block_rows=0"),
    "part of a row": ({"block_rows": 1.5}, TypeError, "block_rows=1.5"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_bad_arguments(files, monkeypatch, kind, name):
    monkeypatch.chdir(files)
    changed, error, words = BAD_ARGUMENTS[name]
    if kind == "csv":
        write_csv("part0.csv", slice(0, 30))
    arguments = {"paths": f"part0.{kind}", "target": "y"} | changed
    if name == "missing file":
        arguments["paths"] = [path.replace("parquet", kind) for path in arguments["paths"]]
    make = getattr(Blocks, f"from_{kind}")
    with pytest.raises(error, match=words.replace("parquet", kind)):
        make(**arguments)


def test_files_with_other_columns(files):
    other = files / "part9.parquet"
    parquet.write_table(table(slice(0, 5), "abyw"), other)
    with pytest.raises(ValueError, match=r"part9.parquet' lacks the column 'c'"):
        Blocks.from_parquet(files / "*.parquet", "y")
    parquet.write_table(table(slice(0, 5), "abcyw", z=range(5)), other)
    with pytest.raises(ValueError, match=r"part9.parquet' has the column 'z', which the first file does not have"):
        Blocks.from_parquet(files / "*.parquet", "y")
    assert Summary.of(Blocks.from_parquet(files / "*.parquet", "y", columns=["a"])).n == 95
    parquet.write_table(table(slice(0, 0)), other)
    assert sizes(Blocks.from_parquet(files / "*.parquet", "y")) == [30, 30, 30]
    with pytest.raises(ValueError, match="there are no rows in"):
        Blocks.from_parquet(other, "y")
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"a": [1.0, 2.0], "y": [1.0, 2.0]}, index=[5, 7]).to_parquet(other)
    with pytest.raises(ValueError, match="looks like the index that pandas writes"):
        Blocks.from_parquet(other, "y")
    assert Summary.of(Blocks.from_parquet(other, "y", columns=["a"])).feature_names == ("a",)


def write_csv(path, rows=slice(None), order="abcyw", end="\n"):
    columns = dict(zip("abc", X.T, strict=True)) | {"y": Y, "w": W}
    chosen = [columns[name][rows].tolist() for name in order]
    lines = [",".join(order), *(",".join(map(repr, row)) for row in zip(*chosen, strict=True))]
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(end.join(lines) + end)


def test_blocks_of_csv_files(tmp_path):
    for number, order in enumerate(("abcyw", "wycba", "abcyw")):
        end = "\r\n" if number else "\n"
        write_csv(tmp_path / f"part{number}.csv", slice(30 * number, 30 * number + 30), order, end)
    for rows, expected in ((None, [30] * 3), (13, [13, 13, 4] * 3), (1, [1] * 90)):
        blocks = Blocks.from_csv(tmp_path / "*.csv", "y", weight="w", block_rows=rows)
        assert sizes(blocks) == expected
        assert bits(blocks) == bits(in_memory(expected, weights=True))
        assert not blocks.shuffles
    run = gdfast.fit(Blocks.from_csv(tmp_path / "*.csv", "y", columns=["b", "a"]), epochs=3)
    assert run.feature_names == ("b", "a")
    (tmp_path / "empty.csv").write_text("a,b,c,y,w\n", encoding="utf-8")
    assert sizes(Blocks.from_csv(tmp_path / "*.csv", "y")) == [30, 30, 30]


def test_many_pieces_of_a_csv_file(tmp_path):
    path, rows = tmp_path / "rows.csv", 60_000
    values = np.random.default_rng(0).normal(size=(rows, 3)).round(12)
    with open(path, "w", encoding="utf-8") as file:
        file.write("a,b,y\n" + "".join(f"{a!r},{b!r},{y!r}\n" for a, b, y in values.tolist()))
    blocks = Blocks.from_csv(path, "y", block_rows=25_000)
    assert sizes(blocks) == [25_000, 25_000, 10_000]
    assert bits(blocks) == bits([(part[:, :2], part[:, 2]) for part in np.split(values, [25_000, 50_000])])
    with open(path, "a", encoding="utf-8") as file:
        file.write("1,2,3\n1,oops,3\n")
    with pytest.raises(ValueError, match=r"rows.csv': column 'b' does not hold numbers only .*'oops' in row 60002"):
        Summary.of(Blocks.from_csv(path, "y", block_rows=25_000))


TEXTS = {
    "missing": ("a,y\n1,2\n,3\n", r"rows.csv': column 'a' has no finite number in row 2 \(''\)"),
    "NA": ("a,y\n1,2\n1,3\nNA,3\n", r"column 'a' has no finite number in row 3 \('NA'\)"),
    "nan": ("a,y\n1,2\nnan,3\n", "column 'a' has no finite number in row 2"),
    "inf": ("a,y\n1,2\n1,inf\n", "column 'y' has no finite number in row 2"),
    "text": ("a,y\n1,2\n1,3\n1,3\nred,4\n", "column 'a' does not hold numbers only .*'red' in row 4"),
    "comma": ('a,y\n1,2\n"1,5",3\n', "column 'a' does not hold numbers only .*'1,5' in row 2"),
    "target": ("a,y\n1,2\n1,low\n", "column 'y' does not hold numbers only .*'low' in row 2"),
    "no label": ("a,y\n1,low\n1,\n", "column 'y' has no value in row 2"),
    "short row": ("a,y\n1,2\n1\n", r"rows.csv'.*row 2 has 1 fields, and the header 2"),
    "long row": ("a,y\n1,2\n1,2\n1,2,3\n", r"rows.csv'.*row 3 has 3 fields, and the header 2"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_bad_values_in_csv_files(tmp_path, name):
    text, words = TEXTS[name]
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    for rows in (1, None):
        with pytest.raises(ValueError, match=words):
            gdfast.fit(Blocks.from_csv(path, "y", block_rows=rows), epochs=2)


def test_other_csv_files(tmp_path):
    path = tmp_path / "rows.csv"
    for text, words in (
        ("", "is empty"),
        ("a;y\n1;2\n", "target='y' is not a column of .*, which has the column 'a;y'"),
        ("a,a,y\n1,2,3\n", "the columns 1 and 2 both have the name 'a'"),
        ("y\n1\n", "no columns besides the target"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            Blocks.from_csv(path, "y")
    path.write_text('\ufeffa,"b ",y\n 1 ,"2",3\n+4,.5,1e1\n', encoding="utf-8")
    blocks = Blocks.from_csv(path, "y")
    reading = blocks._read()
    block = next(reading)
    assert block.X.tolist() == [[1.0, 2.0], [4.0, 0.5]]
    assert block.y.tolist() == [3.0, 10.0]
    reading.close()
    path.write_text("a,y\n1,low\n2,high\n", encoding="utf-8")
    reading = Blocks.from_csv(path, "y")._read()
    assert next(reading).y.tolist() == ["low", "high"]
    reading.close()
    blocks = Blocks.from_csv(path, "y")
    path.write_text("a,b,y\n1,2,3\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows.csv' has the column 'b', which the first file does not have"):
        Summary.of(blocks)
    path.unlink()
    with pytest.raises(ValueError, match=r"rows.csv' is gone"):
        Summary.of(blocks)


def test_csv_files_that_change(tmp_path):
    path = tmp_path / "rows.csv"
    write_csv(path)
    blocks = Blocks.from_csv(path, "y", block_rows=40)
    Summary.of(blocks)
    write_csv(path, slice(0, 80))
    with pytest.raises(ValueError, match="block 2 is missing"):
        Summary.of(blocks)
    write_csv(path, slice(1, 90))
    with pytest.raises(ValueError, match=r"block 0 \('.*rows.csv'\) has changed"):
        Summary.of(blocks)
    write_csv(path)
    assert Summary.of(blocks).n == 90


@pytest.fixture(params=["dataset", "lazy frame", "scan", "slices"])
def scan(request, files, monkeypatch):
    """Return data that another library reads."""
    paths = sorted(files.glob("*.parquet"))
    if request.param == "dataset":
        return dataset.dataset([str(path) for path in paths])
    polars = pytest.importorskip("polars")
    if request.param == "scan":
        parquet.write_table(table(slice(30, 60)), paths[1])
        return polars.scan_parquet(paths)
    if request.param == "slices":
        monkeypatch.delattr(polars.LazyFrame, "collect_batches", raising=False)
    return polars.from_arrow(table()).lazy()


def test_what_other_libraries_read(scan, monkeypatch, tmp_path):
    from gdfast.data.blocks import pieces

    for values, expected in ((pieces.MOST_VALUES, [90]), (5 * 20, [20] * 4 + [10])):
        monkeypatch.setattr(pieces, "MOST_VALUES", values)
        run = gdfast.fit(scan, "y", sample_weight="w", epochs=30, learning_rate=0.1)
        assert run.feature_names == ("a", "b", "c")
        assert run.solver == "closed_form"
        of_blocks = gdfast.fit(Blocks(in_memory(expected, weights=True)), epochs=30, learning_rate=0.1)
        assert run.costs.tobytes() == of_blocks.costs.tobytes()
    summary = gdfast.stability(scan, "y", sample_weight="w")
    assert summary.max_learning_rate == pytest.approx(gdfast.stability(X, sample_weight=W).max_learning_rate, rel=1e-12)
    sweep = gdfast.sweep(scan, "y", sample_weight="w", learning_rate=[0.1, 0.2], epochs=30)
    assert sweep.runs[0].costs.tobytes() == run.costs.tobytes()
    path = tmp_path / "run.npz"
    run.save(path)
    assert gdfast.resume(path, scan, "y", sample_weight="w", epochs=5).epochs == 35
    loop = {"epochs": 2, "learning_rate": 0.1, "batch_size": 7, "shuffle": False}
    run = gdfast.fit(scan, "y", sample_weight="w", **loop)
    assert run.costs.tobytes() == gdfast.fit(Blocks(in_memory(expected, weights=True)), **loop).costs.tobytes()
    with pytest.raises(ValueError, match="y='t' is not a column of X"):
        gdfast.fit(scan, "t")
    with pytest.raises(TypeError, match=r"sample_weight=.* give the name of its column"):
        gdfast.fit(scan, "y", sample_weight=W)
    with pytest.raises(TypeError, match=r"X is a LazyFrame, .* X.collect\(\)|y=.* give the name of its column"):
        gdfast.fit(scan, Y)


def test_bad_values_in_what_other_libraries_read():
    columns = {"a": [1.0, None, 2.0], "y": [1.0, 2.0, 3.0]}
    scans = [dataset.dataset(pa.table(columns))]
    polars = pytest.importorskip("polars")
    scans.append(polars.LazyFrame(columns))
    for scan in scans:
        with pytest.raises(ValueError, match=r"column 'a' has no finite number in row 2 \(null\)"):
            gdfast.fit(scan, "y")
    columns["a"] = ["1", "x", "y"]
    for scan in (dataset.dataset(pa.table(columns)), polars.LazyFrame(columns)):
        with pytest.raises(ValueError, match="column 'a' does not hold numbers only"):
            gdfast.fit(scan, "y")


def test_without_pyarrow(files, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    with pytest.raises(ImportError, match="Parquet files need pyarrow; pip install pyarrow"):
        Blocks.from_parquet(files / "*.parquet", "y")
    with pytest.raises(ImportError, match="CSV files need pyarrow; pip install pyarrow"):
        Blocks.from_csv(files / "*.csv", "y")


# What is made of the second file, of its bytes or of its frame, and what is said of it.
CHANGES = {
    "removed": (None, "is gone since it was first read"),
    "cut off": (lambda data: data[:700], "it cannot be read as a table|has 2 rows, and had 10"),
    "changed": (lambda frame: frame.assign(a=frame["a"] + 1), "has changed since the first pass"),
    "shorter": (lambda frame: frame[:15], "has changed since it was first read|has 5 rows, and had 10 in the first"),
    "missing": (
        lambda frame: frame.replace({"a": {frame["a"][7]: np.nan}}),
        "column 'a' has no finite number in row 8",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("batch_size", [None, 1])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_that_change_during_a_training(tmp_path, kind, batch_size, name):
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(RNG.normal(size=(30, 3)), columns=["a", "b", "y"]) for _ in range(3)]
    paths = [tmp_path / f"part{number}.{kind}" for number in range(3)]

    def write(frame, path):
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)

    for frame, path in zip(frames, paths, strict=True):
        write(frame, path)
    change, message = CHANGES[name]

    def callback(state):
        if state.epoch != 2:
            return
        if name == "removed":
            paths[1].unlink()
        elif name == "cut off":
            paths[1].write_bytes(change(paths[1].read_bytes()))
        else:
            write(change(frames[1]), paths[1])

    make = Blocks.from_csv if kind == "csv" else Blocks.from_parquet
    options = {"loss": "huber", "epochs": 5, "learning_rate": 0.01, "batch_size": batch_size, "callback_every": 1}
    with pytest.raises(ValueError, match=message):
        gdfast.fit(make(paths, "y", block_rows=10), callbacks=callback, **options)
