"""Files that are written whole or not at all: modes, links, devices, full disks, killed and living writers."""

import errno
import os
import pickle
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

import gdfast
from gdfast._utils import archive, storage

X = np.array([[1.0, 2], [3, 4], [5, 7], [0, 1]])
Y = np.array([1.0, 2.0, 0.0, 5.0])
resource = pytest.importorskip("resource")  # and so fcntl: neither is on Windows


def fit(epochs=5, **options):
    return gdfast.fit(X, Y, epochs=epochs, learning_rate=0.01, seed=0, **options)


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_usual_mode(tmp_path, umask):
    fit().save(tmp_path / "run")
    assert mode(tmp_path / "run") == 0o666 & ~umask


@pytest.mark.parametrize("kept", [0o600, 0o644, 0o444, 0o640, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(kept, tmp_path, umask):
    path = tmp_path / "run"
    fit(3).save(path)
    path.chmod(kept)
    fit(4).save(path)
    assert gdfast.Run.load(path).epochs == 4
    assert mode(path) == kept
    further = gdfast.resume(path, X, Y, epochs=2)
    assert (further.epochs, mode(path)) == (6, kept)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_root_replaces_keeps_its_owner(tmp_path):
    path = tmp_path / "run"
    fit(3).save(path)
    os.chown(path, 1234, 4321)
    fit(4).save(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


@pytest.mark.parametrize("to", ["elsewhere/real", "new"])
def test_a_link_stays_a_link_and_its_target_is_written(to, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    if to != "new":
        fit(3).save(tmp_path / to)
    link = tmp_path / "link"
    link.symlink_to(to)
    fit(4).save(link)
    assert link.is_symlink()
    assert os.readlink(link) == to
    assert gdfast.Run.load(tmp_path / to).epochs == gdfast.Run.load(link).epochs == 4
    assert sorted(os.listdir(tmp_path)) == sorted({"elsewhere", "link", to.split("/")[0]})
    link.unlink()
    link.symlink_to("link")
    with pytest.raises(OSError, match=f"{link}'$") as caught:
        fit(4).save(link)
    assert caught.value.errno == errno.ELOOP


def test_checkpoints_are_written_through_a_link(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("checkpoint")
    run = fit(20, solver="loop", checkpoint=link, checkpoint_every=3)
    assert link.is_symlink()
    assert gdfast.resume(link, X, Y).coef.tobytes() == run.coef.tobytes()


def test_a_device_is_written_to_and_stays(tmp_path):
    fit().save(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError, match="'/dev/full'") as caught:
            fit().save("/dev/full")
        assert caught.value.errno == errno.ENOSPC
        assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


class Limited:
    """A context in which files of this process may have so many bytes."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.before[1]))

    def __exit__(self, *error):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_disk_that_is_full_after_any_part_leaves_the_old_file(part, tmp_path):
    path, run = tmp_path / "run", fit(500, solver="loop")
    fit(3).save(path)
    before = path.read_bytes()
    run.save(tmp_path / "whole")
    size = (tmp_path / "whole").stat().st_size
    with Limited(int(part * size)), pytest.raises(OSError, match=rf"^\[Errno \d+\] .*: '{path}'$") as caught:
        run.save(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["run", "whole"]


class Failing:
    """A file whose n-th write fails, or writes less than it was given, as zipfile sees it."""

    def __init__(self, file, count, short):
        self.file, self.left, self.short = file, count, short

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        self.left -= 1
        if self.left < 0:
            if self.short and self.left == -1:
                self.file.write(bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 10, 30, 60])
def test_the_n_th_write_may_fail(count, short, tmp_path, monkeypatch):
    path, opened = tmp_path / "run", os.fdopen
    fit(3).save(path)
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(storage.os, "fdopen", lambda *given: Failing(opened(*given), count, short))
        with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
            fit(9).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run"]
    fit(9).save(path)
    assert gdfast.Run.load(path).epochs == 9


def test_an_archive_has_the_bytes_that_savez_writes(tmp_path):
    arrays = {"text": np.array("abc"), "X": X, "turned": X.T, "none": np.empty((0, 2)), "yes": np.array([True])}
    for name, write in (("ours", archive.write_members), ("numpy", lambda file, arrays: np.savez(file, **arrays))):
        with open(tmp_path / name, "wb") as file:
            write(file, arrays)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "numpy").read_bytes()


def test_an_error_without_a_number_names_the_file_too(tmp_path, monkeypatch):
    def failing(file, arrays):
        raise OSError("17 requested and 3 written")

    monkeypatch.setattr(archive, "write_members", failing)
    with pytest.raises(OSError, match=f"'{tmp_path / 'run'}' cannot be written: 17 requested and 3 written"):
        fit().save(tmp_path / "run")


WRITER = """
import os, sys, time, numpy as np, gdfast
from gdfast._utils import storage
run = gdfast.fit([[1.0], [2.0]], [1.0, 3.0], epochs=int(sys.argv[2]))
fsync = os.fsync
def wait(descriptor):
    print("writing", flush=True)
    sys.stdin.readline()
    fsync(descriptor)
storage.os.fsync = wait
run.save(sys.argv[1])
print("saved", flush=True)
"""


def writer(path, epochs):
    """Start a process that waits in the middle of a save."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(epochs)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=path.parent,
    )  # fmt: skip
    assert process.stdout.readline() == "writing\n"
    return process


def test_what_killed_writers_left_is_removed_and_what_living_ones_write_is_not(tmp_path):
    path = tmp_path / "run"
    killed, living = writer(path, 3), writer(path, 4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(os.listdir(tmp_path)) == 2
    fit(5).save(path)
    assert len(os.listdir(tmp_path)) == 2
    assert gdfast.Run.load(path).epochs == 5
    assert living.communicate("\n", timeout=60)[0] == "saved\n"
    killed.stdin.close()
    killed.stdout.close()
    assert os.listdir(tmp_path) == ["run"]
    assert gdfast.Run.load(path).epochs == 4


def test_a_file_that_was_taken_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    taken, lock = [], storage.lock

    def taken_once(descriptor):
        if not taken:
            taken.extend(os.listdir(tmp_path))
            os.unlink(tmp_path / taken[0])
        return lock(descriptor)

    monkeypatch.setattr(storage, "lock", taken_once)
    fit().save(tmp_path / "run")
    assert len(taken) == 1
    assert os.listdir(tmp_path) == ["run"]
    assert not storage.WRITING


def test_other_files_with_such_a_name_stay(tmp_path):
    (tmp_path / ".gdfast-folder").mkdir()
    (tmp_path / ".gdfast-link").symlink_to("elsewhere")
    (tmp_path / "x.gdfast-1").touch()
    fit().save(tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == [".gdfast-folder", ".gdfast-link", "run", "x.gdfast-1"]


# A disk that is full while training runs.


class Fills:
    """A callback after which a path cannot be written any more, at an epoch."""

    def __init__(self, monkeypatch, epoch):
        self.monkeypatch, self.epoch = monkeypatch, epoch

    def on_chunk(self, state):
        if state.epoch >= self.epoch:
            self.monkeypatch.setattr(archive, "write_members", self.fail)

    def fail(self, file, arrays):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize(("epoch", "done"), [(4, 6), (11, 12), (20, 20)])
def test_a_full_disk_at_a_checkpoint_returns_what_was_done(epoch, done, batch_size, tmp_path, monkeypatch, assert_same):
    """The checkpoints are due after 3, 6, ... epochs and at the end."""
    path, options = tmp_path / "run", {"batch_size": batch_size, "solver": "loop"}
    with monkeypatch.context() as patched, pytest.raises(OSError, match=f"'{path}'") as caught:
        fit(20, checkpoint=path, checkpoint_every=3, callbacks=Fills(patched, epoch), callback_every=1, **options)
    error = caught.value
    assert error.errno == errno.ENOSPC
    assert any("`run` of this error" in note for note in error.__notes__)
    assert error.run.stop_reason == ("interrupted" if done < 20 else "epochs")
    assert_same(error.run, fit(done, **options))
    if done < 20:
        assert_same(error.run.resume(20 - done, callbacks=(), callback_every=None), fit(20, **options))
    assert os.listdir(tmp_path) == ["run"]
    old = gdfast.Run.load(path)
    assert old.epochs == (done - 1) // 3 * 3
    assert_same(gdfast.resume(path, X, Y), fit(20, **options))
    error.run.save(tmp_path / "elsewhere")
    assert pickle.loads(pickle.dumps(error)).run.epochs == done


def test_a_first_checkpoint_that_cannot_be_written_trains_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(archive, "write_members", Fills(patched, 0).fail)
        with pytest.raises(OSError, match="No space left") as caught:
            fit(20, checkpoint=tmp_path / "run", solver="loop")
    assert (caught.value.run.epochs, caught.value.run.steps) == (0, 0)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("solver", ["loop", "closed_form"])
def test_the_last_checkpoint_fails_after_the_fit_is_finished(solver, tmp_path, monkeypatch, assert_same):
    real, calls = archive.write_members, []

    def last_fails(file, arrays):
        calls.append(file)
        if len(calls) > (solver == "loop"):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        real(file, arrays)

    monkeypatch.setattr(archive, "write_members", last_fails)
    with pytest.raises(OSError, match="Disk quota exceeded") as caught:
        fit(20, solver=solver, checkpoint=tmp_path / "run")
    assert_same(caught.value.run, fit(20, solver=solver))


def test_resuming_a_checkpoint_on_a_full_disk_returns_what_was_done(tmp_path, assert_same):
    path = tmp_path / "run"
    fit(200, solver="loop", checkpoint=path)
    before = path.read_bytes()
    with Limited(1000), pytest.raises(OSError, match=f"'{path}'") as caught:
        gdfast.resume(path, X, Y, epochs=50)
    assert caught.value.run.epochs == 200
    assert path.read_bytes() == before
    assert_same(caught.value.run.resume(50), fit(250, solver="loop"))


def test_saving_soon_after_a_kill_leaves_one_file(tmp_path):
    """Writers that are killed at any moment; the next save cleans up."""
    program = WRITER.split("fsync = ")[0] + "while True: run.save(sys.argv[1])\n"
    for wait in (0.0, 0.01, 0.03):
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "run"), "50"], cwd=tmp_path)
        while not (tmp_path / "run").exists():
            time.sleep(0.01)
        time.sleep(wait)
        process.kill()
        process.wait()
        assert gdfast.Run.load(tmp_path / "run").epochs == 50
        fit(7).save(tmp_path / "run")
        assert os.listdir(tmp_path) == ["run"]
        (tmp_path / "run").unlink()
