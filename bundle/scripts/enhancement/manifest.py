"""``manifest.jsonl``: one line per enhanced image; what makes a killed run continue and a finished one do nothing.

A line is trusted only when the file that it names exists with its hash. Lines hold no times, so an interrupted run
and an uninterrupted one, one process and several, end with the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..data.atomic import atomic_write

NAME = "manifest.jsonl"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Complete lines of a manifest; the half line of a killed run is dropped."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def trusted_lines(output_dir: Path, run: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Lines of finished images by image, from the merged manifest and those of all ranks.

    Args:
        output_dir: of the enhanced data set.
        run: hashes that every line of this run carries (settings, enhancer, weights, network).

    Raises:
        ValueError: a line of another run: the folder must not mix two.
    """
    trusted = {}
    for path in sorted(output_dir.glob("manifest*.jsonl")):
        for line in read_lines(path):
            changed = [
                f"{key}: expected {value}, found {line.get(key)}"
                for key, value in run.items()
                if line.get(key) != value
            ]
            if changed:
                raise ValueError(
                    f"{path}: written with other settings ({'; '.join(changed)}); "
                    "choose another --output_dir, or delete this folder to enhance again"
                )
            output = output_dir / line["output"]
            if output.exists() and file_sha256(output) == line["output_sha256"]:
                trusted[line["image"]] = line
    return trusted


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line and flush it to the disk; a half line left by a kill is closed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(line, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def write_merged(output_dir: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the final manifest, in the order given, and remove those of the ranks."""
    with atomic_write(output_dir / NAME) as file:
        file.writelines(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)
    for path in output_dir.glob("manifest.rank*.jsonl"):
        path.unlink()
