"""Files that are written whole or not at all: under another name in the same folder, then renamed."""

import contextlib
import os
import stat
from collections.abc import Callable
from typing import Any, BinaryIO

from gdfast._utils.arguments import shown

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed or renamed
    LOCKS = False
else:
    LOCKS = True

__all__ = ["file_name", "write_whole"]

PREFIX = ".gdfast-"  # of the files that are not whole yet
NEW = 0o666  # the mode of a new file, from which the system takes the umask
WRITING: set[str] = set()  # files that threads of this process write now


def file_name(path: Any, name: str = "path") -> str:
    """Return the path as a string, exactly as given."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name}={shown(path)} is a {type(path).__name__}, and must be a path; give a str or a pathlib.Path"
        )
    text = os.fsdecode(path)
    if "\0" in text:
        raise ValueError(f"{name}={shown(path)} holds a null character, which no path can; leave it out")
    return text


def write_whole(name: str, write: Callable[[BinaryIO], None]) -> None:
    """Write a file by `write`, whole or not at all.

    A file that is replaced keeps its mode, and a symbolic link its target. What killed processes left in the folder is
    removed. Errors name the file as it was given.
    """
    try:
        target = os.path.realpath(name)
        found = status(target)
        if found is None or stat.S_ISREG(found.st_mode):
            replace(target, found, write)
            return
        with open(target, "wb") as file:  # a device; of a folder this is an error
            write(file)
    except OSError as error:
        if error.errno is None:
            raise OSError(f"{name!r} cannot be written: {error}; free space, or name another folder") from error
        raise OSError(error.errno, error.strerror, name) from error


def status(target: str) -> os.stat_result | None:
    """Return the status of a file, None where there is none."""
    try:
        return os.stat(target)
    except FileNotFoundError:
        return None


def replace(target: str, found: os.stat_result | None, write: Callable[[BinaryIO], None]) -> None:
    """Write a file under another name, and give it its own when it is whole."""
    folder = os.path.dirname(target)
    remove_abandoned(folder)
    descriptor, temporary = new_file(folder, NEW if found is None else stat.S_IMODE(found.st_mode) & NEW)
    file = os.fdopen(descriptor, "wb")
    try:
        keep_mode(descriptor, found)
        write(file)
        file.flush()
        os.fsync(descriptor)
        if not LOCKS:
            file.close()  # which Windows needs; elsewhere it stays locked until it has its name
        os.replace(temporary, target)
        file.close()
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    finally:
        WRITING.discard(temporary)


def keep_mode(descriptor: int, found: os.stat_result | None) -> None:
    """Give a file the mode, and where this process may the owner, of the one that it replaces."""
    if found is None or not LOCKS:
        return
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def new_file(folder: str, mode: int) -> tuple[int, str]:
    """Return the descriptor and the path of a new file in a folder, which is locked while it is written."""
    while True:
        temporary = os.path.join(folder, PREFIX + os.urandom(8).hex())
        WRITING.add(temporary)
        try:
            descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), mode)
        except BaseException:
            WRITING.discard(temporary)
            raise
        if lock(descriptor) is not False and os.path.lexists(temporary):
            return descriptor, temporary
        os.close(descriptor)  # another process takes it for abandoned, in the moment before it is locked
        WRITING.discard(temporary)


def lock(descriptor: int) -> bool | None:
    """Lock an open file; return False where another process holds it, None where the file system has no locks."""
    if not LOCKS:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def remove_abandoned(folder: str) -> None:
    """Remove the files of a folder that processes which were killed had begun: those that nobody holds locked."""
    if not LOCKS:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for path in [entry.path for entry in entries if entry.name.startswith(PREFIX)]:
            if path not in WRITING:
                remove_unlocked(path)


def remove_unlocked(path: str) -> None:
    """Remove a file unless a process holds it locked."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and lock(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)
