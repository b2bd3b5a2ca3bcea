"""Which files of the given paths are candidates: everything but hidden files and plain side files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SIDE_FILES = {".csv", ".json", ".jsonl", ".txt", ".md", ".html", ".xml", ".yaml", ".yml", ".npz", ".db", ".log", ".pdf"}


def find_images(inputs: Sequence[str | Path]) -> list[dict[str, str]]:
    """List candidates in a stable order; a file that was named outright is always one.

    Args:
        inputs: files and folders.

    Returns:
        Items ``{"image": path}``.

    Raises:
        FileNotFoundError: a path does not exist, or there is no candidate below any.
    """
    found: list[Path] = []
    for path in map(Path, inputs):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; expected a radiograph or a folder of studies")
        found += sorted(filter(is_candidate, path.rglob("*"))) if path.is_dir() else [path]
    if not found:
        raise FileNotFoundError(f"{', '.join(map(str, inputs))}: no image below; expected at least one, found 0")
    return [{"image": str(path)} for path in dict.fromkeys(found)]


def is_candidate(path: Path) -> bool:
    """Whether a file below a folder may be an image."""
    return path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in SIDE_FILES
