"""Hash of this package's code. It is part of every cache key, so that a change of the code makes cached values invalid.

All modules are hashed. A list of the modules that a cached value depends on would have to be maintained by hand. If a
module were moved or split, it would drop out of the list, and the cache would return values of the earlier code.
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
