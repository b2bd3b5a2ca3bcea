"""Hashes of files that are kept between runs, in ``file_hashes.sqlite`` in the user's cache folder.

A row has size, time of modification and SHA-256 of a file. It has no name, but a hash of the path, because a path may
contain the name of a patient. Each row has a checksum. A damaged database is made anew. Where none can be written (no
home folder, no locks, a full disk), a warning says so, and the hashes are kept until the end of the process only.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from .atomic import make_file, make_folder
from .locking import claimed_file

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_CACHE = "CXR_CACHE"
_WAIT_S = 60.0
_TABLE = """CREATE TABLE IF NOT EXISTS hashes (
    path BLOB PRIMARY KEY, size INTEGER, modified_ns INTEGER, sha256 BLOB, checksum BLOB) WITHOUT ROWID"""


class FileState(NamedTuple):
    """What tells a file from its earlier content: hash of its path, size in bytes, time of modification."""

    path: bytes
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: str | Path) -> FileState:
        """State of a file now.

        Raises:
            OSError: there is no such file.
        """
        stat = os.stat(path)
        text = os.fspath(path)
        if not text.startswith(os.sep):
            text = os.path.abspath(text)
        name = hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]  # a file name may be no text
        return cls(name, stat.st_size, stat.st_mtime_ns)

    def checksum(self, digest: bytes) -> bytes:
        """Checksum of the row of this state."""
        return hashlib.sha256(b"%b %d %d %b" % (self.path, self.size, self.modified_ns, digest)).digest()[:8]


class KeptHashes:
    """SHA-256 by file state. Any number of processes may use it; an error of the database costs only time."""

    def __init__(self) -> None:
        self.folder = _usable_folder(os.environ.get(_CACHE, ""))
        self.path = self.folder / "file_hashes.sqlite"

    def get(self, states: Sequence[FileState]) -> list[bytes | None]:
        """Hash of each file whose state is that of its row; ``None`` for the others."""
        marks = ",".join("?" * len(states))
        question = f"SELECT path, size, modified_ns, sha256, checksum FROM hashes WHERE path IN ({marks})"
        keys = [state.path for state in states]
        nothing: list[tuple] = []
        rows = self._ask(lambda database: database.execute(question, keys).fetchall(), nothing)
        known = {row[0]: row[1:] for row in rows}
        found: list[bytes | None] = []
        for state in states:
            size, modified_ns, digest, checksum = known.get(state.path, (None, None, b"", b""))
            is_same = size == state.size and modified_ns == state.modified_ns and state.checksum(digest) == checksum
            found.append(digest if is_same else None)
        return found

    def put(self, hashes: Mapping[FileState, bytes]) -> None:
        """Keep hashes; an earlier hash of a file is replaced."""
        rows = [(*state, digest, state.checksum(digest)) for state, digest in hashes.items()]
        self._ask(lambda database: database.executemany("REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", rows), None)

    def forget(self, states: Sequence[FileState]) -> None:
        """Remove the hashes of files."""
        rows = [(state.path,) for state in states]
        self._ask(lambda database: database.executemany("DELETE FROM hashes WHERE path = ?", rows), None)

    def lock_of(self, states: Sequence[FileState]) -> Path:
        """File to lock while the hashes of files are computed."""
        return self.folder / "locks" / f"{hashlib.sha256(b''.join(state.path for state in states)).hexdigest()[:32]}"

    def _ask(self, question: Callable[[sqlite3.Connection], Answer], otherwise: Answer) -> Answer:
        """Answer of the database, or ``otherwise`` if it cannot be used; a damaged one is made anew."""
        try:
            try:
                return self._ask_once(question)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                logger.warning("%s: damaged (%s); it is made anew and the files are hashed again", self.path, error)
                for part in (self.path, self.path.with_name(f"{self.path.name}-journal")):
                    part.unlink(missing_ok=True)
                return self._ask_once(question)
        except (sqlite3.Error, OSError) as error:
            _warn_once(str(self.path), str(error))
            return otherwise

    def _ask_once(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Answer of the database, in one transaction."""
        make_file(self.path, owner_only=True)
        with closing(sqlite3.connect(self.path, timeout=_WAIT_S)) as database, database:
            database.execute("PRAGMA synchronous = OFF")  # what a power failure damages is computed again
            database.execute(_TABLE)
            return question(database)


@lru_cache(maxsize=8)
def _usable_folder(configured: str) -> Path:
    """Folder for the hashes: the configured one, else the user's; a temporary one if it cannot be used."""
    try:
        folder = Path(configured) if configured else Path.home() / ".cache" / "cxr-attention-sr"
        make_folder(folder, owner_only=True)
        with claimed_file(folder / "locks" / f"test.{os.getpid()}", wait=False):
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        _warn_once(configured or "~/.cache/cxr-attention-sr", str(error))
        temporary = Path(tempfile.mkdtemp(prefix="cxr-hashes-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary


@lru_cache(maxsize=8)
def _warn_once(place: str, reason: str) -> None:
    """Warn that hashes are not kept."""
    logger.warning(
        "%s: cannot be used (%s); the hashes of the files are not kept, so the next run reads the files again; set %s "
        "to a folder that this user can write to",
        place, reason, _CACHE,
    )  # fmt: skip
