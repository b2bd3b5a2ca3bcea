"""Hash of this package's code, a part of the name of everything that is computed once and kept on disk.

All modules are hashed. A list of those that a cached value depends on would have to be kept by hand, and a module that
was moved or split would drop out of it: the cache would return values of the earlier code.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_SCRIPTS = Path(__file__).parents[1]


@lru_cache(maxsize=1)
def code_sha256(root: Path = _SCRIPTS) -> str:
    """SHA-256 over the paths and contents of all Python files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
