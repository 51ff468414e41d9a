"""The store: what is in it stays, whoever else writes, is killed, or fills the disk."""

import math
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager

import numpy as np
import pytest

import gdfast
from gdfast.sweeps.storage import database, schema
from gdfast.sweeps.store import Finished, key_of, open_store

FINGERPRINT = "f" * 32
PINNED = {
    "key": "TEXT", "settings": "TEXT", "fingerprint": "TEXT", "finished": "TEXT", "cost": "REAL", "epochs": "INTEGER",
    "stop_reason": "TEXT", "error": "TEXT",
}  # fmt: skip


def fake_key(number):
    return f"{number:064x}"


def sql(path, *statements):
    """Return the rows of the last statement, after all of them are committed."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


# The file.


def test_the_file_is_as_it_is_documented(filled, path):
    columns = {name: kind for _, name, kind, *_ in sql(path, "PRAGMA table_info(runs)")}
    assert PINNED.items() <= columns.items()
    assert set(columns.values()) <= {"TEXT", "REAL", "INTEGER", "BLOB"}
    assert sql(path, "PRAGMA user_version") == [(1,)]
    assert sql(path, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("runs",)]
    assert [key for (key,) in sql(path, "SELECT key FROM runs ORDER BY finished")] == filled[1]
    assert sql(path, "SELECT count(*) FROM runs WHERE json_extract(settings, '$.alpha') >= 1") == [(2,)]
    assert os.listdir(path.parent) == ["runs.db"], "one file, without a journal beside it"


def test_a_new_store_is_empty(path):
    store = open_store(path)
    assert path.exists()
    assert store.rows() == []
    assert store.finished([fake_key(1)]) == {}
    assert store.finished([]) == {}
    assert open_store(path, "any").rows() == []


def test_a_str_and_a_strange_name_are_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a b?mode=memory#%41.db", ":memory:", "file:x.db", b"bytes.db"):
        open_store(name)
        assert os.path.exists(name)
    assert len(os.listdir(tmp_path)) == 4


def test_a_store_is_the_same_after_the_folder_is_changed(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    store = open_store("runs.db")
    monkeypatch.chdir("other")
    store.add(fake_key(1), {}, None, error="failed")
    monkeypatch.chdir(tmp_path)
    assert len(open_store("runs.db").rows()) == 1


def test_a_cut_off_creation_is_begun_again(path):
    path.write_bytes(b"")
    assert open_store(path, FINGERPRINT).rows() == []
    assert sql(path, "PRAGMA user_version") == [(1,)]


# What is stored and read back.


def test_runs_are_read_back(filled, trained):
    store, keys = filled
    found = store.finished([*keys, fake_key(9)])
    assert list(found) == keys[:3]
    for alpha, key in zip((0.0, 0.1, 1.0), keys, strict=False):
        run, validation_cost = found[key]
        expected = trained(penalty="l2", alpha=alpha)
        assert isinstance(run, gdfast.Run)
        np.testing.assert_array_equal(run.coef, expected.coef)
        np.testing.assert_array_equal(run.costs, expected.costs)
        assert (run.cost, run.settings["alpha"], validation_cost) == (expected.cost, alpha, alpha + 0.5)
        assert store.run(key).intercept == expected.intercept


def test_rows_are_in_the_order_of_finishing(filled, trained):
    store, keys = filled
    rows = store.rows()
    assert [row["key"] for row in rows] == keys
    assert [row["settings"]["alpha"] for row in rows] == [0, 0.1, 1, 2]
    assert [row["fold"] for row in rows] == [None, None, None, 1]
    assert [row["error"] for row in rows] == [None, None, None, "ValueError: y has one class"]
    assert [row["validation_cost"] for row in rows] == [0.5, 0.6, 1.5, None]
    assert rows[1]["cost"] == trained(penalty="l2", alpha=0.1).cost
    assert rows[3]["cost"] is rows[3]["epochs"] is rows[3]["stop_reason"] is None
    assert {row["fingerprint"] for row in rows} == {FINGERPRINT}
    assert rows[0]["stop_reason"] == "epochs"
    assert rows[0]["finished"].endswith("+00:00")
    assert rows[0]["environment"]["NumPy"] == np.__version__
    assert not any(isinstance(value, bytes) for row in rows for value in row.values())


def test_a_cost_that_is_no_number_is_kept_as_none(path, trained):
    from dataclasses import replace

    store, run = open_store(path, FINGERPRINT), replace(trained(), known_cost=math.nan, data=None)
    store.add(fake_key(1), run.settings, None, run)
    assert store.rows()[0]["cost"] is None
    back, validation_cost = store.finished([fake_key(1)])[fake_key(1)]
    assert math.isnan(back.cost)
    assert math.isnan(validation_cost)


def test_a_row_is_never_rewritten(filled, trained):
    store, keys = filled
    before = store.rows()
    other = trained(epochs=50)
    store.add(keys[0], other.settings, None, other)
    store.add(keys[1], other.settings, None, error="failed later")
    assert store.rows() == before


def test_a_failure_is_replaced_by_the_next_result(filled, trained):
    store, keys = filled
    store.add(keys[3], {"alpha": 2.0}, 1, error="another failure")
    assert store.rows()[3]["error"] == "another failure"
    run = trained(penalty="l2", alpha=2.0)
    store.add(keys[3], run.settings, 1, run)
    assert store.rows()[3]["error"] is None
    assert store.finished([keys[3]])[keys[3]][0].cost == run.cost


def test_add_takes_a_run_or_an_error(filled, trained):
    for given in ({}, {"run": trained(), "error": "failed"}):
        with pytest.raises(TypeError, match="either a run or an error"):
            filled[0].add(fake_key(1), {}, None, **given)


def test_several_results_are_stored_at_once_or_not_at_all(filled, path, trained):
    store, keys = filled
    run = trained(epochs=50)
    several = [Finished(fake_key(number), run.settings, number, run, validation_cost=number) for number in range(3)]
    store.add_all([*several, Finished(keys[3], {}, 1, error="failed again"), Finished(keys[0], {}, None, run)])
    rows = store.rows()
    assert [row["key"] for row in rows] == [*keys[:3], *[fake_key(number) for number in range(3)], keys[3]]
    assert [row["fold"] for row in rows[3:]] == [0, 1, 2, 1]
    assert rows[0]["epochs"] == 20
    with pytest.raises(gdfast.StoreError, match="cannot be used as a store"):
        store.add_all([Finished(fake_key(8), {}, None, run), Finished(None, {}, None, run)])
    assert store.rows() == rows
    store.add_all([])


def test_without_a_fingerprint_rows_have_that_of_the_store_or_of_the_run(filled, path, tmp_path, trained):
    run = trained(alpha=0.3, penalty="l2")
    open_store(path).add(fake_key(1), run.settings, None, run)
    open_store(tmp_path / "new.db").add(fake_key(1), run.settings, None, run)
    assert open_store(path).rows()[-1]["fingerprint"] == FINGERPRINT
    assert open_store(tmp_path / "new.db").rows()[0]["fingerprint"] == run.fingerprint


def test_a_setting_that_no_file_holds_is_stored_as_its_repr(path, trained):
    X, y = trained.data
    run = gdfast.fit(X, y, learning_rate=lambda epoch: 0.1, epochs=3)
    store = open_store(path, FINGERPRINT)
    store.add(key_of(run.settings, None), run.settings, None, run)
    assert "<lambda>" in store.rows()[0]["settings"]["learning_rate"]["of"]
    assert store.run(store.rows()[0]["key"]).cost == run.cost


def test_there_is_no_pickle_in_the_file(filled, path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("a pickle")

    for name in ("loads", "load", "dumps", "dump", "Unpickler"):
        monkeypatch.setattr(f"pickle.{name}", refuse)
    run = filled[0].run(filled[1][0])
    filled[0].add(fake_key(1), run.settings, None, run)


# Keys.


def test_the_beginning_of_a_key_is_enough(filled):
    store, keys = filled
    assert store.run(keys[1][:6]).settings["alpha"] == 0.1
    assert store.run(keys[1][:30].upper()).settings["alpha"] == 0.1
    assert store.keys([keys[2][:8], keys[0], keys[2]]) == [keys[2], keys[0]]


@pytest.mark.parametrize("key", ["abcde", "", "g" * 8, "0" * 65, "%" * 8, "______", None, 123456])
def test_what_is_no_beginning_of_a_key_is_refused(filled, key):
    with pytest.raises(ValueError, match="must be the key of a run"):
        filled[0].run(key)


def test_an_unknown_and_an_ambiguous_beginning(filled, path):
    store, keys = filled
    sql(path, f"UPDATE runs SET key = '{keys[0][:20] + '0' * 44}' WHERE key = '{keys[1]}'")
    with pytest.raises(gdfast.StoreError, match=r"runs\.db' has several runs"):
        store.run(keys[0][:20])
    assert store.run(keys[0][:64]).cost == store.run(keys[0]).cost
    with pytest.raises(gdfast.StoreError, match="has no run '123456'"):
        store.run("123456")


def test_a_failed_run_cannot_be_read(filled):
    with pytest.raises(gdfast.StoreError, match=r"has an error alone: ValueError: y has one class.*; correct"):
        filled[0].run(filled[1][3])


def test_remove(filled, path):
    store, keys = filled
    assert store.remove([keys[0][:10], keys[3], keys[0]]) == 2
    assert [row["key"] for row in store.rows()] == keys[1:3]
    with pytest.raises(gdfast.StoreError, match="has no run"):
        store.remove([keys[1], keys[0]])
    assert [row["key"] for row in store.rows()] == keys[1:3], "all or none"
    assert store.remove([]) == 0


def test_more_runs_than_are_read_at_once(filled, path):
    sql(
        path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 350) "
        "INSERT INTO runs (key, settings, finished, cost, run, fingerprint) SELECT printf('%064x', i), settings, "
        "finished, cost, run, fingerprint FROM n, runs WHERE runs.rowid = 1",
    )
    store = filled[0]
    assert len(store.finished([fake_key(i) for i in range(1, 400)])) == 350
    assert len(list(store.histories(row["key"] for row in store.rows()))) == 353


# Files that are no store.


def damaged_pages(path):
    raw = bytearray(path.read_bytes())
    raw[4096 + 100 : 8192] = os.urandom(4096 - 100)
    path.write_bytes(raw)


BAD = {
    "text": (lambda path: path.write_bytes(b"not a database, but a long text\n" * 100), "no SQLite file"),
    "short": (lambda path: path.write_bytes(b"x"), "no SQLite file"),
    "header alone": (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\0" * 200), "no SQLite file|corrupt"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size - 5000), "cut off|corrupt"),
    "half": (lambda path: os.truncate(path, path.stat().st_size // 2 // 4096 * 4096), "cut off|corrupt"),
    "damaged": (damaged_pages, "corrupt"),
    "newer": (lambda path: sql(path, "PRAGMA user_version = 2"), "newer gdfast"),
    "older": (lambda path: sql(path, "PRAGMA user_version = 0"), "another program"),
    "another column": (lambda path: sql(path, "ALTER TABLE runs ADD COLUMN more TEXT"), "another program"),
    "a missing column": (lambda path: sql(path, "ALTER TABLE runs DROP COLUMN fold"), "another program"),
    "another table": (lambda path: sql(path, "CREATE TABLE other (a)"), "another program"),
    "no table": (lambda path: sql(path, "DROP TABLE runs"), "another program"),
    "a trigger": (
        lambda path: sql(path, "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"), "another program",
    ),
    "a view": (lambda path: sql(path, "DROP TABLE runs", "CREATE VIEW runs AS SELECT 1 AS key"), "another program"),
    "other data": (lambda path: sql(path, "UPDATE runs SET fingerprint = 'other' WHERE rowid = 2"), "other data"),
    "no fingerprint": (lambda path: sql(path, "UPDATE runs SET fingerprint = NULL"), "other data"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_store_is_refused_and_stays_as_it_is(filled, path, kind):
    damage, message = BAD[kind]
    damage(path)
    before, found = path.read_bytes(), path.stat()
    with pytest.raises(gdfast.StoreError, match=message) as caught:
        open_store(path, FINGERPRINT)
    assert repr(str(path)) in str(caught.value)
    assert path.read_bytes() == before
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (found.st_ino, found.st_mtime_ns)
    assert os.listdir(path.parent) == ["runs.db"]


def test_other_data_are_named_by_their_fingerprints(filled, path):
    before = path.read_bytes()
    with pytest.raises(gdfast.StoreError, match=f"holds runs on other data.*{FINGERPRINT}.*eeee.*same data"):
        open_store(path, "e" * 32)
    assert path.read_bytes() == before


def test_two_processes_with_other_data_cannot_fill_one_new_store(path, trained):
    one, other = open_store(path, "a"), open_store(path, "b")
    one.add(fake_key(1), {}, None, trained())
    with pytest.raises(gdfast.StoreError, match="other data"):
        other.add(fake_key(2), {}, None, trained())
    assert len(one.rows()) == 1


def test_a_damaged_run_is_named(filled, path):
    store, keys = filled
    sql(path, f"UPDATE runs SET run = substr(run, 1, 500) WHERE key = '{keys[1]}'")
    assert list(open_store(path, FINGERPRINT).finished(keys[:1])) == keys[:1]
    for read in (store.finished, lambda keys: store.run(keys[1]), lambda keys: list(store.histories(keys))):
        with pytest.raises(
            gdfast.StoreError, match=f"the run {keys[1][:8]} of .*runs.db' is damaged.*`gdfast runs rm`"
        ):
            read(keys)


@pytest.mark.parametrize(
    "change",
    ["settings = 'no json'", "settings = '[1]'", "settings = X'00'", "cost = 'high'", "epochs = 1.5", "error = X'00'",
     "environment = '7'", f"settings = '{'[' * 200_000}'"],
)  # fmt: skip
def test_a_damaged_row_is_named(filled, path, change):
    store, keys = filled
    sql(path, f"UPDATE runs SET {change} WHERE key = '{keys[1]}'")
    with pytest.raises(gdfast.StoreError, match=f"the row '{keys[1]}' of .*runs.db' is damaged"):
        store.rows()


def test_a_run_of_a_newer_gdfast(filled, monkeypatch):
    monkeypatch.setattr("gdfast.results.run_file.FORMAT", 4)
    with pytest.raises(gdfast.StoreError, match="was written by a newer gdfast; update"):
        filled[0].run(filled[1][0])


def test_places_where_there_can_be_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none' for the store .*make it first"):
        open_store(tmp_path / "none" / "runs.db")
    with pytest.raises(gdfast.StoreError, match="it is a folder"):
        open_store(tmp_path)
    with pytest.raises(gdfast.StoreError, match="no regular file"):
        open_store("/dev/null")
    with pytest.raises(TypeError, match=r"store=3 .* must be a path"):
        open_store(3)
    assert os.listdir(tmp_path) == []


def test_a_store_that_was_deleted(filled, path):
    path.unlink()
    with pytest.raises(gdfast.StoreError, match=r"runs\.db' cannot be opened"):
        filled[0].rows()
    assert not path.exists()


@contextmanager
def as_nobody(*paths):
    """Work as a user to whom permissions apply, as they do not to root."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """Return a folder that any user reaches, as they do not pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


def test_a_read_only_file_is_read_and_not_written(open_folder, trained):
    path = os.path.join(open_folder, "runs.db")
    run = trained()
    open_store(path, FINGERPRINT).add(fake_key(1), run.settings, None, run)
    os.chmod(path, 0o444)
    with as_nobody(open_folder, path):
        store = open_store(path, FINGERPRINT)
        assert store.run(fake_key(1)).cost == run.cost
        with pytest.raises(gdfast.StoreError, match=r"runs\.db' is read-only"):
            store.add(fake_key(2), run.settings, None, run)
        with pytest.raises(gdfast.StoreError, match=r"runs\.db' is read-only"):
            store.remove([fake_key(1)])
        os.chmod(path, 0o644)
        os.chmod(open_folder, 0o555)
        assert len(open_store(path, FINGERPRINT).rows()) == 1
        with pytest.raises(gdfast.StoreError, match=r"runs\.db' cannot be opened|is read-only"):
            store.add(fake_key(2), run.settings, None, run)
        os.chmod(path, 0)
        with pytest.raises(gdfast.StoreError, match=r"runs\.db' cannot be opened"):
            open_store(path, FINGERPRINT)
        os.chmod(open_folder, 0o755)
        os.chmod(path, 0o644)
    assert len(open_store(path).rows()) == 1


# A full disk.


def test_a_full_disk_loses_nothing(filled, path, trained, monkeypatch):
    store, keys = filled
    make = database.connected
    pages = sql(path, "PRAGMA page_count")[0][0]

    def on_a_full_disk(name, create):
        connection = make(name, create)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(database, "connected", on_a_full_disk)
    before = path.read_bytes()
    run = trained(epochs=3000)
    with pytest.raises(gdfast.StoreError, match=r"runs\.db' cannot grow: the disk is full; .* kept"):
        store.add(fake_key(1), run.settings, None, run)
    assert path.read_bytes() == before
    assert len(store.finished(keys)) == 3
    monkeypatch.undo()
    store.add(fake_key(1), run.settings, None, run)
    assert store.run(fake_key(1)).cost == run.cost


LIMITED = """
import resource, sys, gdfast, numpy as np
from gdfast.sweeps.store import open_store
path, size = sys.argv[1], int(sys.argv[2])
store = open_store(path)
run = gdfast.fit(np.eye(3), np.ones(3), epochs=9000, solver="loop")
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
for number in range(50):
    try:
        store.add(f"{number:064x}", run.settings, None, run)
    except gdfast.StoreError as error:
        print(error)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no limit of a file's size")
@pytest.mark.parametrize("size", [4096 * 60, 4096 * 77 + 1000, 4096 * 90 + 17])
def test_a_file_that_cannot_grow_loses_nothing(filled, path, size):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(size)], capture_output=True, text=True, timeout=100
    )
    assert "runs stored before are kept" in done.stdout, done.stderr
    store = open_store(path, FINGERPRINT)
    rows = store.rows()
    assert [row["key"] for row in rows[4:]] == [fake_key(number) for number in range(len(rows) - 4)]
    assert len(rows) > 4
    assert len(store.finished([row["key"] for row in rows])) == len(rows) - 1


# Other processes and threads.

WRITER = """
import sys, gdfast, numpy as np
from gdfast.sweeps.store import open_store
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(path, "f" * 32)
run = gdfast.fit(np.eye(3), np.ones(3), epochs=2000)
for number in range(first, first + count):
    store.add(f"{number:064x}", run.settings, None, run)
    print(number, flush=True)
"""


def writer(path, first, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(first), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_a_kill_at_any_moment_loses_nothing(path):
    done, random = 0, np.random.default_rng(0)
    for kill in range(8):
        child = writer(path, done, 10_000)
        lines = [child.stdout.readline() for _ in range(int(random.integers(1, 12)))]
        time.sleep(random.uniform(0, 0.02))
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
        child.stdout.close()
        child.wait()
        store = open_store(path, FINGERPRINT)
        rows = store.rows()
        last = max(int(line) for line in lines if line.endswith("\n"))
        assert len(rows) in (last + 1, last + 2), kill
        assert [row["key"] for row in rows] == [fake_key(number) for number in range(len(rows))]
        done = len(rows)
    assert len(store.finished([fake_key(number) for number in range(done)])) == done
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    store.add(fake_key(done), {}, None, error="the next write removes a journal that was begun in vain")
    assert os.listdir(path.parent) == ["runs.db"]


def test_a_process_killed_while_it_creates_the_store(path):
    code = "import sys\nfrom gdfast.sweeps.store import open_store\nprint(1, flush=True)\nopen_store(sys.argv[1])"
    for delay in np.linspace(0, 0.012, 7):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        child.stdout.read(1)
        time.sleep(delay)
        child.kill()
        child.wait()
        child.stdout.close()
        assert open_store(path, FINGERPRINT).rows() == []
        path.unlink()


def test_two_processes_write_at_once(path):
    started = time.monotonic()
    children = [writer(path, first, 40) for first in (0, 100, 20)]
    outputs = [child.communicate(timeout=60)[0] for child in children]
    assert time.monotonic() - started < 60
    assert [child.returncode for child in children] == [0, 0, 0]
    assert all(len(output.split()) == 40 for output in outputs)
    keys = {row["key"] for row in open_store(path, FINGERPRINT).rows()}
    assert keys == {fake_key(number) for number in [*range(60), *range(100, 140)]}


def test_threads_share_a_store(filled, trained):
    store, _ = filled
    errors, run = [], trained()

    def work(first):
        try:
            for number in range(first, first + 8):
                store.add(fake_key(number), run.settings, None, run)
                assert fake_key(number) in store.finished([fake_key(number)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (1, 5, 101)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(store.rows()) == 4 + 12 + 8


@contextmanager
def locked(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


def test_another_processs_lock_is_waited_for(filled, path, trained, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.4, lambda: other.execute("COMMIT"))
        timer.start()
        started = time.monotonic()
        filled[0].add(fake_key(1), {}, None, trained())
        assert time.monotonic() - started > 0.3
        timer.join()
    assert len(filled[0].rows()) == 5


def test_a_lock_that_stays_is_an_error_that_says_so(filled, path, trained, monkeypatch):
    assert database.LONGEST_WAIT + database.BUSY_SECONDS + 2 * database.PAUSE < 60
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(database, "LONGEST_WAIT", 0.2)
    with locked(path):
        for use in (
            filled[0].rows,
            lambda: open_store(path),
            lambda: filled[0].add(fake_key(1), {}, None, trained()),
            lambda: filled[0].remove([filled[1][0]]),
        ):
            with pytest.raises(gdfast.StoreError, match=r"runs\.db' has been locked by another process"):
                use()
    assert len(filled[0].rows()) == 4


def test_a_reader_in_the_middle_of_reading_does_not_stop_a_writer_for_good(filled, path, trained):
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM runs").fetchall()
        timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        timer.start()
        filled[0].add(fake_key(1), {}, None, trained())
        timer.join()
    assert len(filled[0].rows()) == 5


def test_the_whole_file_is_checked_where_it_is_small_and_its_length_always(filled, path, monkeypatch):
    monkeypatch.setattr(schema, "CHECKED_BYTES", 1000)
    assert len(open_store(path).rows()) == 4
    os.truncate(path, path.stat().st_size - 4096)
    with pytest.raises(gdfast.StoreError, match=r"cut off|corrupt"):
        open_store(path)


def test_the_file_has_the_modes_of_the_umask(path):
    before = os.umask(0o027)
    try:
        open_store(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_importing_gdfast_imports_no_sqlite():
    code = "import sys, gdfast; gdfast.StoreError, gdfast.fit; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == "False"
