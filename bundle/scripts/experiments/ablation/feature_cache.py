"""Cache of features in one SQLite file. A killed run loses at most the features of the images in process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...common.atomic import make_file

# Number of variables that a statement may have in every version of SQLite since 3.0.
_AT_ONCE = 900


@dataclass(frozen=True)
class Entry:
    """Features of one image in one view.

    Attributes:
        values: features (F,) float32.
        seconds: time of making the view and of its forward passes.
        tokens: number of tokens that went through the network.
    """

    values: np.ndarray
    seconds: float
    tokens: int


class FeatureCache:
    """Entries by the hash of everything that they depend on: image, view, settings, weights.

    Args:
        path: path of the file, which is made if it does not exist. Several runs may share it.
    """

    def __init__(self, path: str | Path) -> None:
        make_file(path)
        self.database = sqlite3.connect(path, timeout=60)
        self.database.execute(
            "CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, value BLOB, seconds REAL, tokens INTEGER)"
        )

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def put(self, entries: Iterable[tuple[str, Entry]]) -> None:
        """Store all entries, or none if that fails."""
        rows = [(key, entry.values.astype("<f4").tobytes(), entry.seconds, entry.tokens) for key, entry in entries]
        with self.database:
            self.database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Keys, among those given, that have an entry."""
        return {row[0] for row in self.select("key", keys)}

    def get(self, keys: Sequence[str]) -> list[Entry]:
        """Entries of known keys, in the order of the keys."""
        found = {
            key: Entry(np.frombuffer(value, "<f4"), seconds, tokens)
            for key, value, seconds, tokens in self.select("key, value, seconds, tokens", keys)
        }
        return [found[key] for key in keys]

    def select(self, columns: str, keys: Sequence[str]) -> Iterable[tuple]:
        """Rows of the table for the keys."""
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            yield from self.database.execute(f"SELECT {columns} FROM features WHERE key IN ({marks})", part)
