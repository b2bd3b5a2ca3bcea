"""A batch: films that a user sends together, and their results."""

from __future__ import annotations

import threading
import time
import zipfile
from enum import StrEnum
from itertools import count
from pathlib import Path

from ..common.atomic import make_folder, open_for_owner


class State(StrEnum):
    """States of a batch."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Batch:
    """Films that a user sends together, and their results.

    Args:
        folder: private folder, which is removed with the batch.
        results: folder for the results; default: a folder in ``folder``.

    Attributes:
        uploads: folder of the uploaded files.
        names: path of an uploaded file -> its name as given.
        numbers: gives the number of the next upload; ``is_receiving``: whether one is under way.
        size: bytes of the uploaded files.
        done: number of films that are finished, of the ``total``.
        used: number of films with a prediction.
        refused: number of films that were not used, and of results that could not be made.
        reason: why the batch failed.
    """

    def __init__(self, folder: Path, results: Path | None = None) -> None:
        self.folder, self.uploads, self.unpacked = folder, folder / "uploads", folder / "unpacked"
        self.results = results or folder / "results"
        for path in (folder, self.uploads, self.unpacked):
            make_folder(path, owner_only=True)
        self.names: dict[str, str] = {}
        self.numbers, self.is_receiving = count(), False
        self.size = self.done = self.total = self.used = self.refused = 0
        self.state, self.reason = State.RECEIVING, ""
        self.touched = time.monotonic()
        self.cancelled, self.zipping = threading.Event(), threading.Lock()

    def zipped(self) -> Path:
        """Return a zip file of the results, which is written at the first call."""
        path = self.folder / "results.zip"
        with self.zipping:
            if not path.exists():
                partial = path.with_suffix(".part")
                with open(partial, "wb", opener=open_for_owner) as file, zipfile.ZipFile(file, "w") as content:
                    for result in sorted(self.results.rglob("*")):
                        if result.is_file():
                            name = f"predictions/{result.relative_to(self.results).as_posix()}"
                            content.write(result, name, zipfile.ZIP_DEFLATED, compresslevel=1)
                partial.replace(path)
        return path
