"""Atomic writing of files and folders: a reader never sees a partial one.

A file is written under a temporary name in the same folder, synchronised (``fsync``) and renamed (``os.replace``).

Outputs contain patient data. New files and folders are therefore accessible only to their owner, whatever the umask,
unless the environment variable ``CXR_SHARED_OUTPUT`` is 1. Windows has no such modes: the folder that a user chooses
decides there.

Measured: when the process was killed while saving, MONAI's ``CheckpointSaver`` and ignite's ``DiskSaver(n_saved=1)``
left no valid file in 40 of 40 cases each. The functions below left a valid file every time.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .printable import printable, quoted, shortened

SHARED = "CXR_SHARED_OUTPUT"
_OWNER_FOLDER, _OWNER_FILE = 0o700, 0o600
_OPEN_S, _PAUSE_S = 2.0, 0.05
_MAKING = threading.Lock()
_FULL_DISK = re.compile(r"No space left on device|database or disk is full|^\d+ requested and \d+ written$")


def _is_shared() -> bool:
    """Whether the umask decides who may read the outputs: true if ``CXR_SHARED_OUTPUT`` is 1, false by default.

    Raises:
        ValueError: the variable is neither 0 nor 1.
    """
    value = os.environ.get(SHARED, "0")
    if value not in ("0", "1"):
        raise ValueError(
            f"{SHARED}: not understood; expected 0 (outputs are for their owner) or 1 (the umask decides), found "
            f"{quoted(value)}; set one of them"
        )
    return value == "1"


@contextmanager
def output_mode(shared: bool) -> Iterator[None]:
    """Set who may read the outputs of this process and its child processes, until the block ends.

    The umask is changed as well, because libraries write some of the files, for example the MLflow database.

    Args:
        shared: if true, the umask decides who may read the outputs. If false, ``CXR_SHARED_OUTPUT`` decides; without
            it, only the owner may read them.

    Raises:
        ValueError: ``CXR_SHARED_OUTPUT`` is neither 0 nor 1.
    """
    before = os.environ.get(SHARED)
    if shared:
        os.environ[SHARED] = "1"
    umask = os.umask(0o077)
    try:
        if _is_shared():
            os.umask(umask)
        yield
    finally:
        os.umask(umask)
        if before is None:
            os.environ.pop(SHARED, None)
        else:
            os.environ[SHARED] = before


def make_folder(path: str | Path, *, owner_only: bool = False) -> None:
    """Make a folder and its missing parents, accessible only to their owner. Existing folders are not changed.

    Args:
        path: folder to make.
        owner_only: whether the folder is accessible only to its owner even when outputs are shared.

    Raises:
        OSError: the folder cannot be made, or a file has its name.
    """
    path = Path(path)
    mode = _OWNER_FOLDER if owner_only or not _is_shared() else 0o777
    for folder in [*(parent for parent in reversed(path.parents) if not parent.exists()), path]:
        folder.mkdir(mode=mode, exist_ok=True)


def check_output_folder(folder: Path, option: str = "--out") -> None:
    """Check, without making it, that a folder can hold results.

    Args:
        folder: folder for the results.
        option: option that names it, for the message.

    Raises:
        ValueError: a file has the name of the folder or of a parent, or this user may not write there.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    found = ""
    if not existing.is_dir():
        found = f"a file at {existing}"
    elif not os.access(existing, os.W_OK | os.X_OK):
        found = f"no permission to write to {existing}"
    if found:
        raise ValueError(
            f"{option}: {folder}: results cannot be written here; expected a folder that this user can write to, found "
            f"{found}; choose another folder"
        )


def make_file(path: str | Path, *, owner_only: bool = False) -> None:
    """Make an empty file and its folder, for a library such as SQLite that otherwise sets permissions by the umask.

    An existing file is not opened: when a process closes a file, POSIX systems release all of its locks of that file,
    also those of an SQLite connection in another thread, and two processes that then write at once damage the database
    (SQLite, "How To Corrupt An SQLite Database File", section 2.2).

    Args:
        path: file to make; an existing one is not changed.
        owner_only: whether the file is accessible only to its owner even when outputs are shared.

    Raises:
        OSError: the file or its folder cannot be made.
    """
    make_folder(Path(path).parent)
    with _MAKING, suppress(FileExistsError):  # a thread that finds the file must not lock it before it is closed here
        os.close(open_for_owner(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, owner_only=owner_only))


def open_for_owner(path: str | Path, flags: int, *, owner_only: bool = False) -> int:
    """The ``opener`` for :func:`open`: a new file is accessible only to its owner, unless outputs are shared."""
    return os.open(path, flags, _OWNER_FILE if owner_only or not _is_shared() else 0o666)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when the block ends without an error.

    Args:
        path: file to create or replace; its folder is made if it is missing.

    Yields:
        Binary file object of the temporary file.

    Raises:
        OSError: the file cannot be written. An earlier file of this name is unchanged and the temporary file is
            removed. If the disk is full, the message says so and what to do.
    """
    path = Path(path)
    # Process and thread are part of the name, so that two ranks or threads never share a temporary file. The hash
    # keeps the name short: the target's own name may already be as long as the file system allows.
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with explained_full_disk(path):
            make_folder(path.parent)
            temporary.unlink(missing_ok=True)  # left by a killed process with the same id
            with open(temporary, "xb", opener=open_for_owner) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files of killed processes below a folder. No process may be writing there."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


class FullDiskError(OSError):
    """Error of a full disk. Its message names the file or folder and what to do."""

    is_explained = True  # for another copy of this module: MONAI imports the package under a name of its own

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def explained_full_disk(path: Path) -> Iterator[None]:
    """Replace the error of a full disk, whichever library raises it, by a :class:`FullDiskError`.

    Other errors pass unchanged.

    Args:
        path: file or folder that is written.
    """
    try:
        yield
    except Exception as error:
        cause = full_disk_cause(error)
        if cause is None:
            raise
        if getattr(cause, "is_explained", False):
            raise cause from error
        reason = getattr(cause, "strerror", None) or str(cause)
        raise FullDiskError(
            errno.ENOSPC,
            f"{path}: could not be written ({shortened(reason, 200)}); expected "
            "free space on its disk, found none; everything finished so far is kept: free some space and run the same "
            "command again",
        ) from error


def full_disk_cause(error: BaseException | None) -> BaseException | None:
    """Error of a full disk or quota that caused an error; ``None`` for other errors.

    SQLite, safetensors, numpy and torch report a full disk by errors of their own, partly without its number.
    """
    seen: set[int] = set()  # an error that was raised again from its own wrapper is among its causes
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or _FULL_DISK.search(str(error)):
            return error
        error = error.__cause__ or error.__context__
    return None


def replace(source: Path, target: Path) -> None:
    """Rename a file or folder as ``os.replace`` does, which on Windows fails while a program has one of them open.

    A virus scanner or an indexer opens new files for a moment, so the rename is tried again for two seconds. A file
    that stays open is an error.

    Raises:
        OSError: it cannot be renamed.
    """
    deadline = time.monotonic() + (_OPEN_S if os.name == "nt" else 0.0)
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)


def replace_folder(fresh: Path, folder: Path) -> None:
    """Replace a folder by a complete new one, with two renames.

    If the process is killed between the renames, the earlier folder is at the path that :func:`aside` returns.

    Args:
        fresh: new folder, on the same file system.
        folder: path of the earlier folder, where the new one is moved to.
    """
    old = aside(folder)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        replace(folder, old)
    replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def aside(folder: Path) -> Path:
    """Path to which :func:`replace_folder` moves the earlier folder before it moves the new one into place."""
    return folder.with_name(f".{folder.name}.old")


def _find_not_finite(content: Any, key: str = "") -> Iterator[str]:
    """Keys of the numbers that are NaN or infinite, with their values."""
    if isinstance(content, float) and not math.isfinite(content):
        yield f"{key}: {content}"
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from _find_not_finite(value, f"{key}.{printable(str(name))}" if key else printable(str(name)))
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):
            yield from _find_not_finite(value, f"{key}[{index}]")


def write_json(path: str | Path, content: Any) -> Path:
    """Write indented JSON. Values that JSON cannot represent, such as paths and types, are written as text.

    Unprintable characters are written as JSON escapes: a parser restores them, and a terminal that shows the file is
    not affected.

    Args:
        path: file to write.
        content: value to write.

    Raises:
        ValueError: a number is NaN or infinite; the message names its key.
    """
    try:
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False, default=str)
    except ValueError as error:
        place = next(_find_not_finite(content), None)
        raise ValueError(
            f"{path}: cannot be written as JSON; expected finite numbers, found {place or error}; correct the value"
        ) from error
    text = re.sub(r"[^ -~\n]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
    with atomic_write(path) as file:
        file.write((text + "\n").encode())
    return Path(path)
