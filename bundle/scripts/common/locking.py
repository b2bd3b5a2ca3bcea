"""Locks between processes, as locked files. The system releases them when a process ends, however it ends.

``filelock`` locks with ``flock`` on Linux and macOS and with ``LockFileEx`` on Windows. It asks again and again and
never waits inside the system, so that a lock on a network share is given up after its time as any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .atomic import make_file, make_folder


def _file_lock(path: Path, *, is_singleton: bool = False) -> FileLock:
    """Lock of a file, which is made with its folder if it does not exist; one object per file if it is a singleton.

    A file system without locks is an error: the library would make a file instead, which stays when a process is
    killed.
    """
    make_file(path)
    return FileLock(path, timeout=0, thread_local=False, is_singleton=is_singleton, fallback_to_soft=False)


@contextmanager
def locked_file(path: Path, patience: float = 60.0) -> Iterator[None]:
    """Lock a file, waiting for other processes, until the block ends.

    Args:
        path: path of the file, which is made if it does not exist and stays.
        patience: longest time to wait, in seconds.

    Raises:
        TimeoutError: another process still holds the lock.
        OSError: the file cannot be made, or its file system has no locks.
    """
    lock = _file_lock(path)
    try:
        lock.acquire(patience)
    except Timeout:
        raise TimeoutError(
            f"{path}: another process has held this lock for {patience:.0f} s; end that process"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def claimed_file(path: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a file while one task is done, and remove it afterwards.

    Another process may have done the task before the lock was free, so check under the lock whether it is done.

    Args:
        path: path of the file, whose folder is made if it is missing.
        wait: whether to wait for another process or thread that holds the lock, however long it works.

    Yields:
        Whether this thread has the lock; always true if it waits.

    Raises:
        OSError: the file cannot be made, or its file system has no locks.
    """
    lock = _file_lock(path)
    try:
        lock.acquire(-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink(missing_ok=True)
        lock.release()


class OutputLock:
    """Lock of an output folder for runs of one kind; runs of other kinds may use the folder at the same time.

    A process that holds the lock may take it again. The number of the process is in a file beside the locked one,
    because Windows does not let others read a locked file.

    Args:
        folder: output folder, which is made if it does not exist.
        kind: kind of the run.

    Raises:
        ValueError: another process holds the lock.
        OSError: the folder cannot be made or written to, or its file system has no locks.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.path, self.owner = folder / f".{kind}.lock", folder / f".{kind}.pid"
        self.made_folder = not folder.exists()
        make_folder(folder)
        lock = _file_lock(self.path, is_singleton=True)
        self.lock = None if lock.is_locked else lock
        if self.lock is None:
            return
        try:
            self.lock.acquire()
        except Timeout:
            raise ValueError(
                f"output_dir: {folder}: another run ({kind}) is writing here; expected a folder that no run is using, "
                f"found one in use by process {self.read_owner()}; wait until that run ends, or set another output "
                "folder"
            ) from None
        make_file(self.owner)
        self.owner.write_text(f"{os.getpid()}\n", encoding="ascii")

    def read_owner(self) -> str:
        """Number of the process that holds the lock, or ``unknown``."""
        try:
            return self.owner.read_text(encoding="ascii", errors="replace")[:20].strip() or "unknown"
        except OSError:
            return "unknown"

    def release(self) -> None:
        """Release the lock and remove its files, and the folder if it was made for the lock and is empty."""
        if self.lock is None:
            return
        with suppress(OSError):  # Windows removes no open file, and keeps an empty one
            self.owner.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)  # while it is locked: later the file may be that of another process
        self.lock.release()
        self.lock = None
        if self.made_folder:
            with suppress(OSError):
                self.folder.rmdir()

    def __enter__(self) -> OutputLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
