"""``manifest.jsonl``: one line for each enhanced image, from which an interrupted run continues.

A line counts only if the source image and the enhanced file have the hashes in the line. The hashes are kept
(:mod:`..common.file_hashes`), so a file whose size and time have not changed is not opened for this. Lines contain no
times, so the final file has the same bytes whether or not the run was interrupted, and for any number of processes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..common.atomic import atomic_write, explained_full_disk, make_folder, open_for_owner
from ..common.failures import read_failures, write_failures
from ..common.file_hashes import file_digests

_NAME = "manifest.jsonl"


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of a manifest; an incomplete last line, left by an interrupted run, is ignored."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def trusted_lines(
    output_dir: Path, sources: Mapping[str, Path], run: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    """Lines of the finished images, by image name, from the merged manifest and the manifests of all ranks.

    Args:
        output_dir: folder of the enhanced data set.
        sources: file of each image; an image that changed after its line was written is not finished.
        run: hashes of this run (settings, enhancer, weights, network), which every line has to contain.

    Raises:
        ValueError: a line was written with other settings, enhancer, weights or network.
    """
    found: list[dict[str, Any]] = []
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
            found.append(line)
    for what in ("source", "output"):
        files = [sources.get(line["image"]) if what == "source" else output_dir / line["output"] for line in found]
        present = [(line, file) for line, file in zip(found, files, strict=True) if file and os.path.exists(file)]
        digests = file_digests([file for _, file in present])
        found = [
            line
            for (line, _), digest in zip(present, digests, strict=True)
            if digest.tobytes().hex() == line[f"{what}_sha256"]
        ]
    return {line["image"]: line for line in found}


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Append one line and flush it to the disk; an incomplete last line is first ended by a line break."""
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
    """Write the final manifest in the given order, and remove the manifests of the ranks."""
    with atomic_write(output_dir / _NAME) as file:
        file.writelines(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)
    for path in output_dir.glob("manifest.rank*.jsonl"):
        path.unlink()


def merge_failures(output_dir: Path) -> None:
    """Merge the ``failures.csv`` of all ranks into one file, and remove the files of the ranks."""
    parts = sorted(output_dir.glob("failures.rank*.csv"))
    write_failures(output_dir / "failures.csv", [failure for part in parts for failure in read_failures(part)])
    for part in parts:
        part.unlink()
