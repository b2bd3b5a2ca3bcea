"""Locks between processes, as locked files. The system releases them when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .atomic import make_folder, open_for_owner

_PAUSE = 0.1  # seconds between attempts to lock a file


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
    make_folder(path.parent)
    file = open_for_owner(path, os.O_CREAT | os.O_RDWR)
    try:
        deadline = time.monotonic() + patience
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path}: another process has held this lock for {patience:.0f} s; end that process")
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    """Lock an open file if no other process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class OutputLock:
    """Lock of an output folder for runs of one kind; runs of other kinds may use the folder at the same time.

    A process that holds the lock may take it again.

    Args:
        folder: output folder, which is made if it does not exist.
        kind: kind of the run.

    Raises:
        ValueError: another process holds the lock.
        OSError: the folder cannot be made or written to, or its file system has no locks.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind, self.path = folder, kind, folder / f".{kind}.lock"
        self.made_folder = not folder.exists()
        make_folder(folder)
        self.file: int | None = None
        while self.file is None:
            file = open_for_owner(self.path, os.O_CREAT | os.O_RDWR)
            try:
                if not self.lock(file):
                    break
                self.file = file if _is_at(file, self.path) else None  # another process removed it after it was opened
            finally:
                if self.file is None:
                    os.close(file)
        if self.file is not None:
            os.ftruncate(self.file, 0)
            os.write(self.file, f"{os.getpid()}\n".encode())

    def lock(self, file: int) -> bool:
        """Lock an open file; false if this process already holds the lock.

        Raises:
            ValueError: another process holds it.
        """
        if _try_lock(file):
            return True
        owner = os.read(file, 20).decode(errors="replace").strip()
        if owner == str(os.getpid()):
            return False
        raise ValueError(
            f"output_dir: {self.folder}: another run ({self.kind}) is writing here; expected a folder that no run is "
            f"using, found one in use by process {owner or 'unknown'}; wait until that run ends, or set another output "
            "folder"
        )

    def release(self) -> None:
        """Release the lock and remove its file, and the folder if it was made for the lock and is empty."""
        if self.file is None:
            return
        self.path.unlink(missing_ok=True)
        os.close(self.file)
        self.file = None
        if self.made_folder:
            with suppress(OSError):
                self.folder.rmdir()

    def __enter__(self) -> OutputLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file is the file at a path."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file), found)
