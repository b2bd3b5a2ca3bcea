"""``manifest.jsonl``: one line per enhanced image; what makes a killed run continue and a finished one do nothing.

A line is trusted only when its source and the file that it names have the hashes that it names. Lines hold no times,
so an interrupted run and an uninterrupted one, one process and several, end with the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..common.atomic import atomic_write, explained_full_disk, make_folder, open_for_owner
from ..common.checksum import file_sha256
from ..common.failures import read_failures, write_failures

_NAME = "manifest.jsonl"


def _read_lines(path: Path) -> list[dict[str, Any]]:
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


def trusted_lines(output_dir: Path, sources: Mapping[str, Path], run: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Lines of finished images by image, from the merged manifest and those of all ranks.

    Args:
        output_dir: of the enhanced data set.
        sources: file of each image of this run; an image that has changed since its line was written is not finished.
        run: hashes that every line of this run carries (settings, enhancer, weights, network).

    Raises:
        ValueError: a line of another run: the folder must not mix two.
    """
    trusted = {}
    for path in sorted(output_dir.glob("manifest*.jsonl")):
        for line in _read_lines(path):
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
            source, output = sources.get(line["image"]), output_dir / line["output"]
            if source and _has_sha256(source, line["source_sha256"]) and _has_sha256(output, line["output_sha256"]):
                trusted[line["image"]] = line
    return trusted


def _has_sha256(path: Path, expected: str) -> bool:
    """Whether a file exists with this content."""
    return path.exists() and file_sha256(path) == expected


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line and flush it to the disk; a half line left by a kill is closed first."""
    make_folder(path.parent)
    with explained_full_disk(path), open(path, "ab+", opener=open_for_owner) as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(line, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def write_merged(output_dir: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the final manifest, in the order given, and remove those of the ranks."""
    with atomic_write(output_dir / _NAME) as file:
        file.writelines(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)
    for path in output_dir.glob("manifest.rank*.jsonl"):
        path.unlink()


def merge_failures(output_dir: Path) -> None:
    """One ``failures.csv`` from those of all ranks, which are removed."""
    parts = sorted(output_dir.glob("failures.rank*.csv"))
    write_failures(output_dir / "failures.csv", [failure for part in parts for failure in read_failures(part)])
    for part in parts:
        part.unlink()
