"""SHA-256 of many files, computed in parallel, kept between runs (:mod:`.kept_hashes`), and shared by all processes.

A file is read again only if its size or its time of modification changed, or if it was changed less than two seconds
before it was read. **Limit:** a file that was changed while both
stayed the same keeps its earlier hash. ``cxr-attention-sr check --full`` reads all files again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from .checksum import file_sha256
from .kept_hashes import FileState, KeptHashes
from .shared_work import do_shared

logger = logging.getLogger(__name__)

_BLOCK = 256  # files that are looked up, or hashed under one lock, together
_NONE = bytes(32)
_SETTLED_NS = 2 * 10**9  # a file may change again without a change of its time, which some systems count in 2 s
_THREADS = 8, 32  # least and most; reading waits for the disk or the network, so more threads than processors help


def file_digests(paths: Sequence[str | Path], *, again: bool = False) -> np.ndarray:
    """SHA-256 of the contents of files, (N, 32) uint8.

    Args:
        paths: files.
        again: read the files whose hash is kept, too, and warn of those whose content is another than the hash says.

    Raises:
        OSError: a file cannot be read.
    """
    kept = KeptHashes()
    digests = np.zeros((len(paths), 32), np.uint8)
    blocks = [range(start, min(start + _BLOCK, len(paths))) for start in range(0, len(paths), _BLOCK)]

    def states_of(block: range) -> list[FileState]:
        return [FileState.of(paths[number]) for number in block]

    def look_up(block: range) -> list[int]:
        """Fill in the kept hashes of a block; return the numbers of the other files."""
        found = kept.get(states_of(block))
        content = b"".join([digest or _NONE for digest in found])
        digests[block.start : block.stop] = np.frombuffer(content, np.uint8).reshape(-1, 32)
        return [number for number, digest in zip(block, found, strict=True) if digest is None]

    def hash_block(block: range) -> None:
        """Hash the files of a block whose hash is not kept."""
        hashes = {}
        for number in look_up(block):
            state = FileState.of(paths[number])  # before reading: a change while it is read gives another state
            digest = bytes.fromhex(file_sha256(paths[number]))
            digests[number] = np.frombuffer(digest, np.uint8)
            if abs(time.time_ns() - state.modified_ns) > _SETTLED_NS:
                hashes[state] = digest
        kept.put(hashes)

    missing = [block for block in blocks if look_up(block)]
    before = digests.copy() if again else digests
    if again:
        for block in blocks:
            kept.forget(states_of(block))
        missing = blocks
    do_shared(
        missing,
        hash_block,
        is_done=lambda block: not look_up(block),
        lock_of=lambda block: kept.lock_of(states_of(block)),
        threads=min(max(_THREADS[0], os.cpu_count() or 1), _THREADS[1]),
        what="hashing images",
        steps_of=len,
    )
    if again:
        _warn_of_changes(paths, before, digests)
    return digests


def keep_digest(path: str | Path, digest: str) -> None:
    """Keep the SHA-256 of a file that this program has just written and nobody else writes.

    Args:
        path: file.
        digest: SHA-256 of its content, in hexadecimal.
    """
    KeptHashes().put({FileState.of(path): bytes.fromhex(digest)})


def _warn_of_changes(paths: Sequence[str | Path], before: np.ndarray, now: np.ndarray) -> None:
    """Warn of the files whose kept hash, where there was one, is not that of their content."""
    changed = np.flatnonzero(before.any(axis=1) & (before != now).any(axis=1))
    if changed.size:
        shown = ", ".join(Path(paths[number]).name for number in changed[:3]) + (", …" if changed.size > 3 else "")
        logger.warning(
            "%d files were changed without a change of their size and time (%s); their hashes are corrected, and runs "
            "from now on use the new content", changed.size, shown,
        )  # fmt: skip


def content_sha256(path: str | Path) -> str:
    """SHA-256 of the content of one file, in hexadecimal; of many files, :func:`file_digests` is faster.

    Raises:
        OSError: the file cannot be read.
    """
    return _digest(str(path), FileState.of(path)).hex()


@lru_cache(maxsize=1 << 17)
def _digest(path: str, state: FileState) -> bytes:
    """SHA-256 of a file; its state is part of the key of this cache."""
    return file_digests([path])[0].tobytes()
